//! As whom the operator's command talks to AWS: the built program with a home folder of its own, against the embedded
//! AWS over TCP and a stand-in for the services that give out credentials.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_sdk_iam::Client as Iam;
use backup_chain_deployed::stack::{ACCOUNT, SOURCE};
use backup_chain_tests::command::Ran;
use backup_chain_tests::programs;
use backup_chain_tests::served::Served;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The names of the files in which the AWS CLI keeps the tokens of an `sso_session` and of a start URL: the SHA-1 of
/// `company` and of [`START_URL`].
const TOKEN_OF_SESSION: &str = "71b21161ffa1e6516bcc072aaf5ef38cbe85b511";
const TOKEN_OF_URL: &str = "b7037568a7e4f6fba9450af24427009b78703b33";
const START_URL: &str = "https://company.awsapps.com/start";

const SESSION_PROFILE: &str = "
[profile work]
sso_session = company
sso_account_id = 111122223333
sso_role_name = BackupAdmin
region = eu-central-1

[sso-session company]
sso_region = eu-west-1
sso_start_url = https://company.awsapps.com/start
sso_registration_scopes = sso:account:access
";

const URL_PROFILE: &str = "
[profile work]
sso_start_url = https://company.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = BackupAdmin
region = eu-central-1
";

#[expect(clippy::disallowed_methods, reason = "the built program goes by it")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// What IAM Identity Center gives.
fn role_credentials() -> Value {
    let ends = now() + SignedDuration::from_hours(1);
    json!({ "roleCredentials": {
        "accessKeyId": format!("ASIA{ACCOUNT}"), "secretAccessKey": "a-secret-key", "sessionToken": "",
        "expiration": ends.as_millisecond(),
    } })
}

/// A token of IAM Identity Center as the AWS CLI keeps it.
fn token(hours_left: i64, more: &Value) -> Value {
    let ends = now() + SignedDuration::from_hours(hours_left);
    let mut token = json!({
        "startUrl": START_URL, "region": "eu-west-1", "accessToken": "a-secret-token", "expiresAt": ends.to_string(),
    });
    token.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    token
}

/// What is needed to renew a token.
fn renewable() -> Value {
    let ends = now() + SignedDuration::from_hours(24 * 30);
    json!({
        "clientId": "a-client", "clientSecret": "a-client-secret", "refreshToken": "a-refresh-token",
        "registrationExpiresAt": ends.to_string(),
    })
}

/// A request that the stand-in got: its first line, its headers, its body.
type Asked = (String, String, String);

/// A stand-in for the services that give out credentials: IAM Identity Center's portal and its OIDC service, and STS
/// for web identities.
struct StandIn {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Answers each request with what `answer` says of its first line: a status and a body.
    fn start(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let (mut first, mut headers) = (String::new(), String::new());
                reader.read_line(&mut first).unwrap();
                while !headers.ends_with("\r\n\r\n") && reader.read_line(&mut headers).unwrap() > 2 {}
                let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                reader.read_exact(&mut body).unwrap();
                let (status, text) = answer(first.trim_end());
                kept.lock().unwrap().push((first, headers, String::from_utf8(body).unwrap()));
                let head =
                    format!("HTTP/1.1 {status} said\r\ncontent-length: {}\r\nconnection: close", text.len());
                // Whoever asked may have gone.
                let _ = write!(reader.into_inner(), "{head}\r\n\r\n{text}");
            }
        });
        Self { address, asked }
    }

    /// One that gives credentials to whoever has a token, and renews tokens.
    fn generous() -> Self {
        Self::start(|first| match first {
            _ if first.starts_with("GET /federation/credentials?") => (200, role_credentials().to_string()),
            _ if first.starts_with("POST /token ") => {
                let renewed =
                    json!({"accessToken": "a-new-token", "expiresIn": 28800, "tokenType": "Bearer"});
                (200, renewed.to_string())
            }
            _ => (404, String::new()),
        })
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// An operator with a home folder.
struct Desk {
    home: TempDir,
    variables: Vec<(String, String)>,
}

impl Desk {
    /// One with this configuration, who reaches AWS at an address.
    fn new(configuration: &str, aws: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        fs::write(home.path().join(".aws/config"), configuration).unwrap();
        Self { home, variables: Vec::new() }.with("AWS_ENDPOINT_URL", aws)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Who reaches IAM Identity Center at the stand-in.
    fn with_sso(self, at: &StandIn) -> Self {
        self.with("AWS_ENDPOINT_URL_SSO", &at.address).with("AWS_ENDPOINT_URL_SSO_OIDC", &at.address)
    }

    fn keeps(self, token: &str, value: &Value) -> Self {
        fs::write(self.token(token), value.to_string()).unwrap();
        self
    }

    fn token(&self, token: &str) -> std::path::PathBuf {
        self.home.path().join(format!(".aws/sso/cache/{token}.json"))
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn runs(&self, line: &str) -> Ran {
        let done = Command::new(programs().join("backup-chain"))
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let ran = Ran {
            code: done.status.code().unwrap().try_into().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        };
        let told = format!("{}{}", ran.out, ran.err);
        for secret in
            ["a-secret", "a-new-token", "a-refresh-token", "a-client", "DispatchFailure", "dispatch failure"]
        {
            assert!(!told.contains(secret), "{secret} is printed: {told}");
        }
        ran
    }

    /// Lists the policies, of which there is none.
    #[track_caller]
    fn gets_in(&self, options: &str) {
        assert_eq!(self.runs(&format!("policy list --json {options}")).json(), json!([]));
    }

    #[track_caller]
    fn refused(&self, options: &str) -> String {
        self.runs(&format!("policy list {options}")).refusal()
    }
}

fn served() -> Served {
    Served::start(Served::local(), &["--deploy"])
}

fn address(served: &Served) -> &str {
    &served.variables["AWS_ENDPOINT_URL"]
}

/// A script that an operator may run.
fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("credentials.sh");
    fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_credential_process_is_run_once_and_its_complaint_is_told() {
    let served = served();
    let scripts = tempfile::tempdir().unwrap();
    let given =
        json!({"Version": 1, "AccessKeyId": format!("AKIA{ACCOUNT}"), "SecretAccessKey": "a-secret-key"});
    let process =
        script(scripts.path(), &format!("echo run >> {}/runs\necho '{given}'", scripts.path().display()));
    let profile = format!("[profile vault]\nregion = eu-central-1\ncredential_process = {process}\n");
    let desk = Desk::new(&profile, address(&served));
    desk.gets_in("--profile vault");
    assert_eq!(fs::read_to_string(scripts.path().join("runs")).unwrap(), "run\n");
    Desk::new(&profile, address(&served)).with("AWS_PROFILE", "vault").gets_in("");

    script(
        scripts.path(),
        "echo a-secret-key\necho 'the vault is sealed:' >&2\necho 'unseal it' >&2\nexit 3",
    );
    assert_eq!(
        desk.refused("--profile vault"),
        "the credential_process of AWS profile vault gives no credentials: exit status: 3: the vault is sealed: unseal it"
    );
    script(scripts.path(), "echo a-secret-key");
    let said = desk.refused("--profile vault");
    assert!(said.contains("credential_process of AWS profile vault gives no credentials"), "{said}");
}

#[test]
fn a_session_of_identity_center_gets_in_and_is_renewed() {
    let (served, portal) = (served(), StandIn::generous());
    let desk = Desk::new(SESSION_PROFILE, address(&served)).with_sso(&portal);
    let desk = desk.keeps(TOKEN_OF_SESSION, &token(8, &json!({})));
    desk.gets_in("--profile work");
    let asked = portal.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].0.contains("role_name=BackupAdmin&account_id=111122223333"), "{asked:?}");
    assert!(asked[0].1.contains("x-amz-sso_bearer_token: a-secret-token"), "{asked:?}");

    let desk = desk.keeps(TOKEN_OF_SESSION, &token(-1, &renewable()));
    desk.gets_in("--profile work");
    let asked = portal.asked();
    assert!(asked[1].2.contains("a-refresh-token") && asked[2].1.contains("a-new-token"), "{asked:?}");
    let kept: Value = serde_json::from_slice(&fs::read(desk.token(TOKEN_OF_SESSION)).unwrap()).unwrap();
    assert_eq!(kept["accessToken"], "a-new-token");
}

#[test]
fn a_profile_with_a_start_url_gets_in_through_its_own_endpoints() {
    let (served, portal) = (served(), StandIn::generous());
    let (aws, sso) = (address(&served), &portal.address);
    let services =
        format!("endpoint_url = {aws}\nservices = here\n\n[services here]\nsso =\n  endpoint_url = {sso}\n");
    let mut desk =
        Desk::new(&format!("{URL_PROFILE}{services}"), aws).keeps(TOKEN_OF_URL, &token(8, &json!({})));
    // A variable would come before the profile.
    desk.variables.clear();
    desk.gets_in("--profile work");
    assert_eq!(portal.asked().len(), 1);
}

#[test]
fn a_session_that_has_ended_says_how_to_begin_one() {
    const ENDED: &str = "the IAM Identity Center session of AWS profile work has ended, or was never begun: run aws sso \
                         login --profile work";
    let refusing = |status: u16, code: &'static str| {
        StandIn::start(move |first| match first.starts_with("GET /federation/credentials?") {
            true => (status, json!({"__type": code, "message": "No access"}).to_string()),
            false => (400, json!({"error": "invalid_grant"}).to_string()),
        })
    };
    let portal = refusing(401, "com.amazonaws.switchboard.portal#UnauthorizedException");
    for (profile, kept) in [(SESSION_PROFILE, TOKEN_OF_SESSION), (URL_PROFILE, TOKEN_OF_URL)] {
        let desk = Desk::new(profile, "http://127.0.0.1:9").with_sso(&portal);
        assert_eq!(desk.refused("--profile work"), ENDED, "it was never begun");
        let desk = desk.keeps(kept, &token(-1, &json!({})));
        assert_eq!(desk.refused("--profile work"), ENDED, "its token has ended");
        let desk = desk.keeps(kept, &token(8, &json!({})));
        assert_eq!(desk.refused("--profile work"), ENDED, "it was ended elsewhere");
        let desk = desk.keeps(kept, &token(-1, &renewable()));
        assert_eq!(desk.refused("--profile work"), ENDED, "it cannot be renewed");
        let told = desk.runs("policy list --profile work --json");
        let answer: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!((told.code, &answer["error"]["message"]), (1, &json!(ENDED)));
    }
    let forbidding = refusing(403, "com.amazonaws.switchboard.portal#ForbiddenException");
    let desk = Desk::new(SESSION_PROFILE, "http://127.0.0.1:9").with_sso(&forbidding);
    assert_eq!(
        desk.keeps(TOKEN_OF_SESSION, &token(8, &json!({}))).refused("--profile work"),
        "IAM Identity Center gives profile work no credentials: ForbiddenException: No access: see its sso_account_id \
         and sso_role_name"
    );
}

/// A role that may do everything and that whoever is in the account may assume, with what else its trust says.
async fn role(served: &Served, name: &str, trust: Value) {
    let iam = Iam::new(&served.config().await);
    let trust = json!({"Version": "2012-10-17", "Statement": [trust]}).to_string();
    iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap();
    let all =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let put = iam.put_role_policy().role_name(name).policy_name("all").policy_document(all.to_string());
    put.send().await.unwrap();
}

#[tokio::test]
async fn a_role_is_assumed_with_the_credentials_of_another_profile() {
    let served = served();
    let root = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    role(&served, "desk", json!({"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"})).await;
    role(
        &served,
        "nobody",
        json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}),
    )
    .await;
    let configuration = format!(
        "
[profile base]
aws_access_key_id = {ACCOUNT}
aws_secret_access_key = a-secret-key
region = {SOURCE}

[profile desk]
role_arn = arn:aws:iam::{ACCOUNT}:role/desk
source_profile = base
region = {SOURCE}

[profile variables]
role_arn = arn:aws:iam::{ACCOUNT}:role/desk
credential_source = Environment

[profile nobody]
role_arn = arn:aws:iam::{ACCOUNT}:role/nobody
source_profile = base
region = {SOURCE}

[profile coded]
role_arn = arn:aws:iam::{ACCOUNT}:role/nobody
mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/ann
source_profile = base
region = {SOURCE}
"
    );
    let desk = Desk::new(&configuration, address(&served));
    desk.gets_in("--profile desk");
    let told = desk.refused("--profile nobody");
    let refused = format!("the role arn:aws:iam::{ACCOUNT}:role/nobody of AWS profile");
    assert!(told.starts_with(&format!("{refused} nobody cannot be assumed: AccessDenied: ")), "{told}");
    let told = desk.refused("--profile coded");
    assert!(told.starts_with(&format!("{refused} coded cannot be assumed: AccessDenied: ")), "{told}");
    let way_out = "profile coded asks for a code of an MFA device, which this command cannot ask you for: run eval \
                   \"$(aws configure export-credentials --profile coded --format env)\" and leave out the profile";
    assert!(told.ends_with(way_out), "{told}");
    let desk = desk.with("AWS_ACCESS_KEY_ID", ACCOUNT).with("AWS_SECRET_ACCESS_KEY", "a-secret-key");
    desk.gets_in(&format!("--profile variables --region {SOURCE}"));
}

#[test]
fn a_web_identity_is_made_a_role() {
    let served = served();
    let sts = StandIn::start(|_| {
        let ends = now() + SignedDuration::from_hours(1);
        (
            200,
            format!(
                "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA{ACCOUNT}</AccessKeyId>\
                 <SecretAccessKey>a-secret-key</SecretAccessKey><SessionToken></SessionToken>\
                 <Expiration>{ends}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
                 </AssumeRoleWithWebIdentityResponse>"
            ),
        )
    });
    let desk = Desk::new("", address(&served)).with("AWS_ENDPOINT_URL_STS", &sts.address);
    let file = desk.path().join("token");
    fs::write(&file, "a-token-of-the-cluster").unwrap();
    let desk = desk.with("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()).with("AWS_REGION", SOURCE);
    desk.with("AWS_ROLE_ARN", &format!("arn:aws:iam::{ACCOUNT}:role/desk")).gets_in("");
    let asked = sts.asked();
    assert!(asked[0].2.contains("WebIdentityToken=a-token-of-the-cluster"), "{asked:?}");
}

#[test]
fn a_profile_that_is_named_comes_before_variables() {
    let served = served();
    let profile =
        format!("[profile base]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = a-secret-key\n");
    let desk = Desk::new(&profile, address(&served)).with("AWS_REGION", SOURCE);
    // Another account, where nothing is deployed.
    let desk = desk.with("AWS_ACCESS_KEY_ID", "999900001111").with("AWS_SECRET_ACCESS_KEY", "a-secret-key");
    let told = desk.refused("");
    assert!(told.contains("there is no function backup-chain-session in eu-central-1"), "{told}");
    desk.gets_in("--profile base");
    // Those of a session that is over.
    let told = desk.with("AWS_SESSION_TOKEN", "nobody/session").refused("");
    assert!(told.starts_with("AWS does not take your credentials (UnrecognizedClientException: "), "{told}");
    assert!(told.ends_with("get new ones where they come from, such as with aws sso login"), "{told}");
}

#[test]
fn what_is_not_configured_is_one_line_with_the_way_out() {
    let none = "http://127.0.0.1:9";
    let desk = Desk::new("[profile base]\nregion = eu-central-1\n[profile empty]\n", none);
    let missing =
        "there is no AWS profile wrok: there are base, empty; make one with aws configure sso --profile wrok";
    assert_eq!(desk.refused("--profile wrok"), missing);
    assert_eq!(
        desk.refused("--profile empty"),
        "no Region is set: name one with --region, or set AWS_REGION, or region in profile empty"
    );
    let ways = "name a profile that has some with --profile, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID with \
                AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
    assert_eq!(
        desk.refused("--profile base"),
        format!("there are no AWS credentials in profile base: {ways}")
    );
    assert_eq!(desk.refused("--region eu-central-1"), format!("there are no AWS credentials: {ways}"));
    assert_eq!(desk.refused(""), "no Region is set: name one with --region, or set AWS_REGION");
    // Not only commands that go through the functions.
    let detached = "restore detached orders --vault eu-west-1/copies --records r";
    assert_eq!(desk.runs(&format!("{detached} --profile wrok")).refusal(), missing);
    let desk = desk.with("AWS_PROFILE", "wrok");
    assert_eq!(desk.refused("--region eu-central-1"), missing);

    let broken = Desk::new("[profile\nregion = eu-central-1\n", none);
    let told = broken.refused("--profile base");
    assert!(told.starts_with("the configuration of the AWS CLI cannot be read: "), "{told}");
    let aws_login =
        "[profile console]\nlogin_session = arn:aws:iam::111122223333:user/ann\nregion = eu-central-1\n";
    let told = Desk::new(aws_login, none).refused("--profile console");
    assert!(told.contains("aws configure export-credentials --profile console"), "{told}");
}

#[test]
fn without_a_network_it_is_said_in_plain_words() {
    let keys =
        format!("[profile base]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = a-secret-key\n");
    // Nobody listens there.
    let none = "http://127.0.0.1:9";
    let desk = Desk::new(&format!("{keys}region = {SOURCE}\n"), none).with("AWS_MAX_ATTEMPTS", "1");
    let ways = "check the network, the proxy if there is one, and that the Region is spelled right";
    for line in ["policy list", "status", "restore detached orders --vault eu-west-1/copies --records r"] {
        let ran = desk.runs(&format!("{line} --profile base"));
        let told = ran.err.lines().last().unwrap_or_default();
        assert_eq!(ran.code, 1, "{ran:#?}");
        assert!(told.contains("the connection failed: Connection refused") && told.ends_with(ways), "{told}");
    }
    let desk = Desk::new(SESSION_PROFILE, none).keeps(TOKEN_OF_SESSION, &token(8, &json!({})));
    let told = desk.with("AWS_MAX_ATTEMPTS", "1").refused("--profile work");
    let begins =
        "there is no connection to where the credentials of AWS profile work come from: Connection refused";
    assert!(told.starts_with(begins), "{told}");
}
