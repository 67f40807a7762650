"""How large the functions are, and what their files are for."""

import io
import re
import zipfile

from .world import FUNCTIONS, bootstrap

# Of a function's zip, in bytes. What is larger takes longer to start.
MOST_ZIPPED = 4_000_000
# The C library of Amazon Linux 2023, on which the functions run.
GLIBC = (2, 34)
# What an ELF file says that it runs on.
MACHINES = {"x86_64": 62, "arm64": 183}


def zipped(function: str) -> bytes:
    """A function as sam deploy packs it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(bootstrap(function), "bootstrap")
    return packed.getvalue()


def sizes(architecture: str) -> list[str]:
    """Prints how large the functions are, and tells what is wrong with their files."""
    findings = []
    print(f"{'function':<12}{'bootstrap':>12}{'zipped':>12}{'budget':>12}")
    for function in FUNCTIONS:
        path = bootstrap(function)
        if not path.is_file():
            findings.append(f"{function}: {path} is not there: sam build makes it")
            continue
        code, size = path.read_bytes(), len(zipped(function))
        print(f"{function:<12}{len(code):>12,}{size:>12,}{MOST_ZIPPED:>12,}")
        if size > MOST_ZIPPED:
            findings.append(f"{function}: {size:,} bytes zipped are more than {MOST_ZIPPED:,}")
        if int.from_bytes(code[18:20], "little") != MACHINES[architecture]:
            findings.append(f"{function}: its bootstrap is not built for {architecture}")
        versions = [tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(2\.\d+)", code)]
        if newest := max(versions, default=None):
            if newest > GLIBC:
                findings.append(f"{function}: needs glibc {newest}, and Lambda has {GLIBC}")
        else:
            findings.append(f"{function}: its bootstrap does not say which glibc it needs")
    return findings
