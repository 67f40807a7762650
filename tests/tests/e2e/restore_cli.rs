//! The operator's command for restores, against a deployment in the embedded AWS, in process.

use backup_chain_cli::command;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::point::RestorePoint;
use backup_chain_core::settings::TableSettings;
use backup_chain_deployed::stack::{SOURCE, Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::{cli, cli_answering};
use backup_chain_tests::{apply, at, deployed, deployed_with, dynamodb, points, table, tables};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The text with what differs from one seed to another made the same, in the same width.
fn steady(text: &str, points: &[&RestorePoint]) -> String {
    let mut text = text.to_owned();
    for point in points {
        text = text.replace(point.id.as_str(), "01KPOINTPOINTPOINTPOINTPOI");
    }
    while let Some(at) = text.match_indices("01K").map(|(at, _)| at).find(|at| is_ulid(&text[*at..])) {
        text.replace_range(at..at + 26, "xxRESTORExRESTORExRESTOREx");
    }
    text
}

fn is_ulid(text: &str) -> bool {
    let word = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    word == 26 && !text.starts_with("01KPOINT")
}

/// A deployment, and the table `orders` with much of what a table can have; it was backed up in its first hour and
/// has been dropped since.
async fn after_a_drop() -> (World, Stack, TableName, RestorePoint) {
    let (world, mut stack) = deployed_with("2026-01-05T00:00:00Z", Schedules::default()).await;
    let settings = json!({
        "attributes": {"pk": "S", "day": "S"}, "keys": {"hash": ["pk"]},
        "global": {"by-day": {"keys": {"hash": ["day"]}}},
        "tags": {"team": "shop"}, "ttl": {"attribute": "expires"}, "pitr": {"days": 7},
        "stream": "KEYS_ONLY",
    });
    let settings = TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap();
    let orders = tables::create(&world, "orders", &settings).await.unwrap();
    stack.session(SessionRequest::backup(vec!["orders".to_owned()])).await.unwrap();
    stack.live(SignedDuration::from_hours(1)).await;
    dynamodb(&world).delete_table().table_name("orders").send().await.unwrap();
    stack.live(SignedDuration::from_hours(1)).await;
    let point = points(&stack, &orders).await.pop().unwrap();
    (world, stack, orders, point)
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_what_would_be_done() {
    let (world, _stack, _, point) = after_a_drop().await;
    let plan = cli(&world, "restore start orders --dry-run --by ann").await.done();
    assert!(widest(&plan) <= 120, "{plan}");
    insta::assert_snapshot!(steady(&plan, &[&point]), @r#"
    table    orders
    from     restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
    as       orders in eu-central-1
    through  AWS Backup
    key      a key that AWS owns

    the settings as they were:
    {
      "attributes": {
        "day": "S",
        "pk": "S"
      },
      "global": {
        "by-day": {
          "keys": {
            "hash": [
              "day"
            ]
          },
          "warm": [
            12000,
            4000
          ]
        }
      },
      "keys": {
        "hash": [
          "pk"
        ]
      },
      "pitr": {
        "days": 7
      },
      "stream": "KEYS_ONLY",
      "tags": {
        "team": "shop"
      },
      "ttl": {
        "attribute": "expires"
      },
      "warm": [
        12000,
        4000
      ]
    }

    the steps that put its settings back:
     1. point-in-time recovery
     2. warm throughput
     3. tags
     4. stream
     5. time to live on expires
    "#);
    let line = "restore start orders=orders-check --dry-run --at 2026-01-05T01:30 --provisioned 10,5 --class \
        infrequent-access --key aws-managed --deletion-protection on --pitr off --tag purpose=check --without-tag \
        team --with stream,warm-throughput --without contributor-insights";
    let plan = cli(&world, line).await.done();
    assert!(widest(&plan) <= 120, "{plan}");
    insta::assert_snapshot!(steady(&plan, &[&point]), @r#"
    table    orders
    from     restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
    as       orders-check in eu-central-1
    through  AWS Backup
    key      the key aws/dynamodb
    asked    provisioned for 10 reads and 5 writes
    asked    class infrequent-access
    asked    deletion protection on
    asked    point-in-time recovery off
    asked    tag purpose=check
    asked    without tag team
    asked    with stream, warm-throughput
    asked    without contributor-insights

    the settings as they were:
    {
      "attributes": {
        "day": "S",
        "pk": "S"
      },
      "global": {
        "by-day": {
          "keys": {
            "hash": [
              "day"
            ]
          },
          "warm": [
            12000,
            4000
          ]
        }
      },
      "keys": {
        "hash": [
          "pk"
        ]
      },
      "pitr": {
        "days": 7
      },
      "stream": "KEYS_ONLY",
      "tags": {
        "team": "shop"
      },
      "ttl": {
        "attribute": "expires"
      },
      "warm": [
        12000,
        4000
      ]
    }

    the steps that put its settings back:
     1. deletion protection
     2. table class
     3. billing mode and throughput
     4. tags
     5. stream

    what will not be as it was, and why:
     PROPERTY                WHY
     billing mode            as asked
     throughput              as asked
     table class             as asked
     encryption              as asked
     deletion protection     as asked
     point-in-time recovery  as asked
     tags                    as asked
     time to live            it starts deleting: add --with ttl to switch it on
    "#);
    let told = cli(&world, &format!("{line} --json")).await.json();
    assert_eq!((&told[0]["dry_run"], &told[0]["restore"]["point"]), (&json!(true), &json!(point.id)));
    assert_eq!(told[0]["settings"]["ttl"]["attribute"], "expires");
    assert_eq!(
        told[0]["restore"]["choices"],
        json!({
            "billing": {"provisioned": {"read": 10, "write": 5}}, "class": "STANDARD_INFREQUENT_ACCESS",
            "encryption": "aws-managed", "deletion-protection": true, "pitr": "off",
            "tags": {"purpose": "check"}, "without-tags": ["team"], "with": ["stream", "warm-throughput"],
            "without": ["contributor-insights"],
        })
    );
    let native = cli(&world, "restore start orders --dry-run --without-index by-day").await.done();
    assert!(native.contains("through  DynamoDB's own restore\n"), "{native}");
    assert_eq!(cli(&world, "restore list").await.done(), "no restores\n");
}

#[tokio::test(start_paused = true)]
async fn a_restore_is_shown_asked_followed_and_reported() {
    let (world, mut stack, orders, point) = after_a_drop().await;
    let line = "restore start orders --at 2026-01-05T01:30Z --reason dropped --by ann";
    for input in ["", "n\n", "maybe\n"] {
        let ran = cli_answering(&world, line, input).await;
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("Restore 1 table? [y/N] "), "{}", ran.err);
        assert!(ran.err.ends_with("error: nothing is restored: answer y, or add --yes\n"), "{}", ran.err);
    }
    assert_eq!(cli(&world, "restore list --open").await.done(), "no restore is under way\n");
    world.clear_calls();
    let (ran, ()) =
        tokio::join!(cli_answering(&world, line, "y\n"), stack.live(SignedDuration::from_hours(3)));
    assert!(widest(&ran.err) <= 120, "{}", ran.err);
    insta::assert_snapshot!(steady(&ran.err, &[&point]), @r#"
    backup-chain-restore in eu-central-1 is running ...
    orders is restored as orders in eu-central-1
      restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
      encrypted with a key that AWS owns
      then 5 steps: point-in-time recovery, warm throughput, tags, stream, time to live on expires
    Restore 1 table? [y/N] backup-chain-restore in eu-central-1 is running ...
    restore xxRESTORExRESTORExRESTOREx of orders has begun: see backup-chain restore show xxRESTORExRESTORExRESTOREx
    02:00:01 orders: running: AWS makes the table
    02:08:31 orders: applying settings
    02:08:36 orders: point-in-time recovery waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:36 orders: 1 of 5, warm throughput: done
    02:08:36 orders: tags waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:36 orders: stream waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:46 orders: 2 of 5, point-in-time recovery: done
    02:08:46 orders: 3 of 5, tags: done
    02:08:51 orders: 4 of 5, stream: done
    02:08:56 orders: 5 of 5, time to live on expires: done
    02:08:56 orders: succeeded
    backup-chain-restore in eu-central-1 is running ...
    "#);
    insta::assert_snapshot!(steady(&ran.done(), &[&point]), @r#"
    restore  xxRESTORExRESTORExRESTOREx
    table    orders
    from     restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
    as       orders in eu-central-1
    through  AWS Backup
    key      a key that AWS owns
    begun    2026-01-05 02:00:01 UTC, by ann: dropped
    ended    2026-01-05 02:08:53 UTC
    status   succeeded

     PROPERTY                OUTCOME   WHY
     keys and attributes     restored
     local indexes           restored
     global indexes          restored
     billing mode            restored
     throughput              restored
     maximum throughput      restored
     warm throughput         restored
     table class             restored
     encryption              restored
     deletion protection     restored
     point-in-time recovery  restored
     tags                    restored
     resource policy         restored
     stream                  restored
     stream policy           restored
     Kinesis destinations    restored
     Contributor Insights    restored
     auto scaling            restored
     alarms                  restored
     time to live            restored

    for CloudFormation to adopt the table, with STACK and TEMPLATE for your own:
      aws cloudformation create-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored --change-set-type IMPORT --template-body file://TEMPLATE --resources-to-import '[{"LogicalResourceId":"TableOrders","ResourceIdentifier":{"TableName":"orders"},"ResourceType":"AWS::DynamoDB::Table"}]'
      aws cloudformation execute-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored
    for Terraform:
      terraform import aws_dynamodb_table.orders orders
    "#);
    let now = stack.app().aws.region(&SOURCE.parse().unwrap()).capture_anew(&orders).await.unwrap().settings;
    assert_eq!(now.ttl.known().unwrap().as_ref().unwrap().attribute, "expires");

    let listed = cli(&world, "restore list").await.done();
    insta::assert_snapshot!(steady(&listed, &[&point]), @r#"
    RESTORE                     TABLE   AS                   MOMENT (UTC)         STATUS     ASKED (UTC)          BY   WHY
    xxRESTORExRESTORExRESTOREx  orders  eu-central-1/orders  2026-01-05 00:00:00  succeeded  2026-01-05 02:00:01  ann  dropped
    "#);
    let listed = cli(&world, "restore list --json").await.json();
    assert_eq!((&listed[0]["stage"], &listed[0]["region"]), (&json!("succeeded"), &json!(SOURCE)));
    assert!(listed[0].get("start").is_none());
    let id = listed[0]["id"].as_str().unwrap();
    let shown = cli(&world, &format!("restore show {id}")).await.done();
    insta::assert_snapshot!(steady(&shown, &[&point]), @r#"
    restore  xxRESTORExRESTORExRESTOREx
    table    orders
    from     restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
    as       orders in eu-central-1
    through  AWS Backup
    key      a key that AWS owns
    begun    2026-01-05 02:00:01 UTC, by ann: dropped
    ended    2026-01-05 02:08:53 UTC
    status   succeeded

    the steps that put its settings back:
     STEP                         STATE  WHY
      1. point-in-time recovery   done
      2. warm throughput          done
      3. tags                     done
      4. stream                   done
      5. time to live on expires  done

     PROPERTY                OUTCOME   WHY
     keys and attributes     restored
     local indexes           restored
     global indexes          restored
     billing mode            restored
     throughput              restored
     maximum throughput      restored
     warm throughput         restored
     table class             restored
     encryption              restored
     deletion protection     restored
     point-in-time recovery  restored
     tags                    restored
     resource policy         restored
     stream                  restored
     stream policy           restored
     Kinesis destinations    restored
     Contributor Insights    restored
     auto scaling            restored
     alarms                  restored
     time to live            restored

    for CloudFormation to adopt the table, with STACK and TEMPLATE for your own:
      aws cloudformation create-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored --change-set-type IMPORT --template-body file://TEMPLATE --resources-to-import '[{"LogicalResourceId":"TableOrders","ResourceIdentifier":{"TableName":"orders"},"ResourceType":"AWS::DynamoDB::Table"}]'
      aws cloudformation execute-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored
    for Terraform:
      terraform import aws_dynamodb_table.orders orders
    "#);
    let shown = cli(&world, &format!("restore show {id} --json")).await.json();
    assert_eq!(
        (&shown["restore"]["id"], &shown["steps"][0]["record"]["state"]),
        (&json!(id), &json!("done"))
    );
    let history = cli(&world, "history").await.done();
    assert!(history.contains("restore-started") && history.contains("dropped"), "{history}");

    // The command itself only invokes and reads.
    let mut own: Vec<String> = world
        .calls()
        .into_iter()
        .filter(|call| call.caller == "operator-at-the-desk")
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    own.sort();
    own.dedup();
    assert_eq!(
        own,
        ["dynamodb:GetItem", "dynamodb:Query", "lambda:GetFunctionConfiguration", "lambda:Invoke"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_shown_is_restored_under_another_name() {
    let (world, mut stack, _, point) = after_a_drop().await;
    let line = "restore start orders=orders-check --yes --no-wait";
    let ran = cli(&world, line).await;
    assert!(ran.err.contains("  not put back: stream: it faces outward: add --with stream"), "{}", ran.err);
    assert!(ran.done().contains("status   running: AWS makes the table\n"));
    let told = cli(&world, "restore list --open --json").await.json();
    assert_eq!((&told[0]["target"], &told[0]["point"]), (&json!("orders-check"), &json!(point.id)));
    let id = told[0]["id"].as_str().unwrap();
    let shown = cli(&world, &format!("restore show {id}")).await.done();
    assert!(shown.contains("what will not be as it was, and why:\n PROPERTY"), "{shown}");
    let under_way = cli(&world, line).await.refusal();
    assert!(under_way.ends_with("wait for it, or restore under another name"), "{under_way}");
    stack.live(SignedDuration::from_hours(3)).await;
    let shown = cli(&world, &format!("restore show {id}")).await.done();
    assert!(shown.contains("left off: it faces outward, and the table has another name"), "{shown}");
    assert!(shown.contains("  terraform import aws_dynamodb_table.orders-check orders-check\n"), "{shown}");
    let taken = cli(&world, line).await.refusal();
    assert_eq!(
        taken,
        "there is a table arn:aws:dynamodb:eu-central-1:111122223333:table/orders-check already: AWS restores into a \
         new table only; restore under another name, or delete that table first"
    );
}

#[tokio::test(start_paused = true)]
async fn several_are_followed_together() {
    let (world, mut stack, _, point) = after_a_drop().await;
    let line = "restore start orders=orders-one orders=orders-two --yes --json";
    let (ran, ()) = tokio::join!(cli(&world, line), stack.live(SignedDuration::from_hours(3)));
    for table in ["orders-one", "orders-two"] {
        assert!(ran.err.contains(&format!(" {table}: succeeded\n")), "{}", ran.err);
    }
    let told = ran.json();
    let stages: Vec<&Value> = told.as_array().unwrap().iter().map(|told| &told["restore"]["stage"]).collect();
    assert_eq!(stages, ["succeeded", "succeeded"]);
    assert_eq!(told[1]["restore"]["point"], json!(point.id));
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_restored_where_it_is() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    table(&world, "orders", &[]).await.unwrap();
    let policy = "
name: daily
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 5 days}}
";
    apply(&stack, policy).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let line = "restore start orders --vault eu-west-1/backup-chain-copies";
    let yes = format!("{line} --yes");
    let (ran, ()) = tokio::join!(cli(&world, &yes), stack.live(SignedDuration::from_hours(3)));
    let told = ran.done();
    assert!(told.contains(" UTC in eu-west-1/backup-chain-copies\n"), "{told}");
    assert!(told.contains("as       orders in eu-west-1\n"), "{told}");
    let near = cli(&world, &format!("{line} --to-region eu-central-1 --dry-run")).await.refusal();
    assert!(near.starts_with("there is a table arn:aws:dynamodb:eu-central-1:"), "{near}");
    let near = cli(
        &world,
        "restore start orders=back --vault eu-west-1/backup-chain-copies --to-region eu-central-1 --dry-run",
    );
    let near = near.await.done();
    assert!(near.contains("its backup is in eu-central-1/backup-chain still"), "{near}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_be_done_by_hand_is_exit_code_3() {
    let (world, mut stack, _, point) = after_a_drop().await;
    world.inject(FaultRule::new("dynamodb", "UpdateContinuousBackups", Fault::Deny));
    let line = "restore start orders --yes";
    let (ran, ()) = tokio::join!(cli(&world, line), stack.live(SignedDuration::from_hours(5)));
    assert_eq!(ran.code, 3, "{ran:#?}");
    insta::assert_snapshot!(steady(&ran.err, &[&point]), @r#"
    backup-chain-restore in eu-central-1 is running ...
    orders is restored as orders in eu-central-1
      restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
      encrypted with a key that AWS owns
      then 5 steps: point-in-time recovery, warm throughput, tags, stream, time to live on expires
    backup-chain-restore in eu-central-1 is running ...
    restore xxRESTORExRESTORExRESTOREx of orders has begun: see backup-chain restore show xxRESTORExRESTORExRESTOREx
    02:00:01 orders: running: AWS makes the table
    02:08:31 orders: applying settings
    02:08:36 orders: point-in-time recovery waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:36 orders: 1 of 5, warm throughput: done
    02:08:36 orders: tags waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:36 orders: stream waits: no right by its tag yet, refused 1 time, again at 2026-01-05 02:08:42 UTC
    02:08:46 orders: 2 of 5, tags: done
    02:08:51 orders: 3 of 5, stream: done
    02:14:01 orders: 4 of 5, point-in-time recovery: failed: dynamodb:UpdateContinuousBackups: AccessDeniedException
    02:14:01 orders: 5 of 5, time to live on expires: failed: it starts deleting, and something else is not as it was: look at that first
    02:14:01 orders: warning: something is left to be done by hand
    backup-chain-restore in eu-central-1 is running ...
    "#);
    // When the denial is believed is a matter of minutes.
    let told: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with("ended ")).collect();
    insta::assert_snapshot!(steady(&told.join("\n"), &[&point]), @r#"
    restore  xxRESTORExRESTORExRESTOREx
    table    orders
    from     restore point 01KPOINTPOINTPOINTPOINTPOI of 2026-01-05 00:00:00 UTC in eu-central-1/backup-chain
    as       orders in eu-central-1
    through  AWS Backup
    key      a key that AWS owns
    begun    2026-01-05 02:00:00 UTC
    status   warning: something is left to be done by hand

     PROPERTY                OUTCOME   WHY
     keys and attributes     restored
     local indexes           restored
     global indexes          restored
     billing mode            restored
     throughput              restored
     maximum throughput      restored
     warm throughput         restored
     table class             restored
     encryption              restored
     deletion protection     restored
     point-in-time recovery  failed    dynamodb:UpdateContinuousBackups: AccessDeniedException
     tags                    restored
     resource policy         restored
     stream                  restored
     stream policy           restored
     Kinesis destinations    restored
     Contributor Insights    restored
     auto scaling            restored
     alarms                  restored
     time to live            failed    it starts deleting, and something else is not as it was: look at that first

    to finish by hand:
      # point-in-time recovery: dynamodb:UpdateContinuousBackups: AccessDeniedException
      aws dynamodb update-continuous-backups --region eu-central-1 --cli-input-json '{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true,"RecoveryPeriodInDays":7},"TableName":"orders"}'
      # time to live on expires: it starts deleting, and something else is not as it was: look at that first
      aws dynamodb update-time-to-live --region eu-central-1 --cli-input-json '{"TableName":"orders","TimeToLiveSpecification":{"AttributeName":"expires","Enabled":true}}'

    for CloudFormation to adopt the table, with STACK and TEMPLATE for your own:
      aws cloudformation create-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored --change-set-type IMPORT --template-body file://TEMPLATE --resources-to-import '[{"LogicalResourceId":"TableOrders","ResourceIdentifier":{"TableName":"orders"},"ResourceType":"AWS::DynamoDB::Table"}]'
      aws cloudformation execute-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored
    for Terraform:
      terraform import aws_dynamodb_table.orders orders
    "#);
    // To look at it is no failure.
    let id = cli(&world, "restore list --json").await.json()[0]["id"].clone();
    assert!(cli(&world, &format!("restore show {}", id.as_str().unwrap())).await.done().contains("by hand:"));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_is_said_in_one_line() {
    let (world, _stack, _, point) = after_a_drop().await;
    let made = point.created_at.unwrap();
    for (line, refused) in [
        (
            "start nothing",
            "table nothing has no restore point: see the list of its points, or rebuild the catalog",
        ),
        (
            "start orders --point 01KE73DJG0C1V5K6TP3T2ZJ4ZD",
            "table orders has no restore point 01KE73DJG0C1V5K6TP3T2ZJ4ZD: see the list of its points",
        ),
        (
            "start orders --at 2026-01-04",
            &format!(
                "table orders has no restore point at or before 2026-01-04T00:00:00Z in eu-central-1: its first one is of \
                 {made}"
            ),
        ),
        (
            &format!("start orders carts --point {}", point.id),
            "a restore point is of one table: name that table alone",
        ),
        ("start orders --with ttl --without ttl", "ttl is to be switched on and left off: choose one"),
        (
            "start orders=new orders=new",
            "two tables are to be restored as arn:aws:dynamodb:eu-central-1:111122223333:table/new: give one of them \
             another name",
        ),
        (
            "show 01KE73DJG0C1V5K6TP3T2ZJ4ZD",
            "there is no restore 01KE73DJG0C1V5K6TP3T2ZJ4ZD: see the list of restores",
        ),
    ] {
        assert_eq!(cli(&world, &format!("restore {line}")).await.refusal(), refused, "{line}");
    }
    assert_eq!(cli(&world, "restore list").await.done(), "no restores\n");
}

#[tokio::test(start_paused = true)]
async fn wrong_usage_is_told_apart() {
    let (world, _) = deployed_with("2026-01-05T00:00:00Z", Schedules::default()).await;
    for line in [
        "restore",
        "restore start",
        "restore start or",
        "restore start orders=",
        "restore start orders --at yesterday",
        "restore start orders --at 2026-01-05T07:30[Europe/Berlin]",
        "restore start orders --at 2026-01-05T07:30+99:00",
        "restore start orders --at 2026-01-05 --point 01KE73DJG0C1V5K6TP3T2ZJ4ZD",
        "restore start orders --vault backup-chain",
        "restore start orders --on-demand --provisioned 5,5",
        "restore start orders --provisioned 5",
        "restore start orders --provisioned 0,5",
        "restore start orders --class glacier",
        "restore start orders --key mine",
        "restore start orders --deletion-protection yes",
        "restore start orders --pitr 36",
        "restore start orders --tag team",
        "restore start orders --with replicas",
        "restore show orders",
    ] {
        let ran = cli(&world, line).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:#?}");
    }
    let unknown = cli(&world, "restore start orders --with replicas").await.err;
    assert!(unknown.contains("no feature \"replicas\": name one of stream, kinesis, "), "{unknown}");
}

#[test]
fn every_command_explains_itself() {
    for path in ["restore start", "restore list", "restore show"] {
        let args = ["backup-chain"].into_iter().chain(path.split(' ')).chain(["--help"]);
        let help = command().term_width(100).try_get_matches_from(args).unwrap_err().render().to_string();
        assert!(help.contains(&format!("\n  backup-chain {path} ")), "{help}");
        assert!(widest(&help) <= 120, "{help}");
    }
}
