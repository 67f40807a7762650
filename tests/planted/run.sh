#!/bin/sh
# Plants faults in a copy of the tree, one after another, and shows that the simulation finds each by its rule.
#
#   tests/planted/run.sh check         the patch still applies
#   tests/planted/run.sh [FAULT...]    plants these faults, or all of faults.tsv
set -eu
cd "$(dirname "$0")/../.."
here=tests/planted
if [ "${1:-}" = check ]; then
    git apply --check $here/faults.patch
    exit
fi

# The copy stands in a folder of its own with artifacts of its own: what is built of registries is taken over.
copy=$PWD/target/planted
rm -rf "$copy/tree"
mkdir -p "$copy/tree" "$copy/target"
git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- | tar -x -C "$copy/tree"
git apply --directory="${copy#"$PWD/"}/tree" --unsafe-paths $here/faults.patch
cp $here/planted.rs "$copy/tree/tests/tests/planted.rs"
if [ ! -d "$copy/target/sim" ] && [ -d target/sim ]; then
    cp -a target/sim "$copy/target/sim"
    rm -rf "$copy/target/sim/incremental" "$copy/target/sim/.cargo-lock"
fi
test=$(CARGO_TARGET_DIR=$copy/target cargo test --locked --profile sim --workspace --test planted --no-run \
    --manifest-path "$copy/tree/Cargo.toml" --message-format json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*planted-[^"]*\)".*/\1/p' | tail -1)

cd "$copy/tree/tests"
tab=$(printf '\t')
failed=0
printf '%-30s %-18s %s\n' FAULT RULE FOUND
while IFS=$tab read -r fault rule _; do
    case $fault in '#'*) continue ;; esac
    [ $# -eq 0 ] || case " $* " in *" $fault "*) ;; *) continue ;; esac
    told=$(CARGO_MANIFEST_DIR=$PWD RUST_MIN_STACK=16777216 BACKUP_CHAIN_PLANTED=$fault BACKUP_CHAIN_RULE=$rule \
        "$test" --nocapture 2>&1) || failed=1
    line=$(printf '%s\n' "$told" | grep -oE '(found in|other rules).*' || printf '%s\n' "$told" | tail -3)
    printf '%-30s %-18s %s\n' "$fault" "$rule" "$line"
done <"../../../../tests/planted/faults.tsv"
exit $failed
