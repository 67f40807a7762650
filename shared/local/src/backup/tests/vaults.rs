use serde_json::json;

use super::support::{ACCOUNT, AWAY, Fixture, HOME, ORDERS, SOURCE, days, field, mins};

#[test]
fn vaults_belong_to_a_region_and_their_names_are_taken_once() {
    let mut aws = Fixture::new();
    assert_eq!(aws.code("PUT", &["backup-vaults", SOURCE], json!({})), "AlreadyExistsException");
    assert_eq!(aws.code("PUT", &["backup-vaults", "x"], json!({})), "InvalidParameterValueException");
    assert_eq!(field(&aws.list(&["backup-vaults", ""], &[])["BackupVaultList"], "BackupVaultName"), [SOURCE]);
    let away = aws.call_in(AWAY, "GET", &["backup-vaults", SOURCE], &[], json!({}));
    assert_eq!(away.unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn a_vault_tells_its_key_and_how_many_points_it_holds() {
    let mut aws = Fixture::new();
    aws.ok("PUT", &["backup-vaults", "keyed"], json!({"EncryptionKeyArn": "arn:key"}));
    assert_eq!(aws.ok("GET", &["backup-vaults", "keyed"], json!({}))["EncryptionKeyArn"], "arn:key");
    aws.point(ORDERS);
    let vault = aws.ok("GET", &["backup-vaults", SOURCE], json!({}));
    assert_eq!((&vault["NumberOfRecoveryPoints"], &vault["Locked"]), (&json!(1), &json!(false)));
    assert!(vault["EncryptionKeyArn"].as_str().unwrap().starts_with(&format!("arn:aws:kms:{HOME}:")));
}

#[test]
fn a_vault_with_points_cannot_be_deleted() {
    let mut aws = Fixture::new();
    aws.point(ORDERS);
    assert_eq!(aws.code("DELETE", &["backup-vaults", SOURCE], json!({})), "InvalidRequestException");
}

#[test]
fn a_job_outside_the_range_of_a_lock_fails() {
    let mut aws = Fixture::new();
    let lock = json!({"MinRetentionDays": 7, "MaxRetentionDays": 100});
    aws.ok("PUT", &["backup-vaults", SOURCE, "vault-lock"], lock);
    let vault = aws.ok("GET", &["backup-vaults", SOURCE], json!({}));
    assert_eq!(
        [&vault["Locked"], &vault["MinRetentionDays"], &vault["MaxRetentionDays"]],
        [&json!(true), &json!(7), &json!(100)]
    );
    for lifecycle in [json!({}), json!({"DeleteAfterDays": 6}), json!({"DeleteAfterDays": 101})] {
        let id = aws.start_with(ORDERS, json!({"Lifecycle": lifecycle}));
        aws.pass(mins(1));
        assert_eq!(aws.state(&id), "FAILED");
        assert!(aws.message(&id).contains("not within the range specified for the target Backup Vault"));
    }
    aws.point_with(ORDERS, json!({"Lifecycle": {"DeleteAfterDays": 7}}));
}

#[test]
fn a_compliance_lock_cannot_be_changed_after_its_grace_and_a_governance_lock_always_can() {
    let mut aws = Fixture::new();
    let path = ["backup-vaults", SOURCE, "vault-lock"];
    aws.ok("PUT", &path, json!({"MinRetentionDays": 1}));
    aws.pass(days(10));
    aws.ok("DELETE", &path, json!({}));
    assert_eq!(aws.code("PUT", &path, json!({"ChangeableForDays": 2})), "InvalidParameterValueException");
    aws.ok("PUT", &path, json!({"MinRetentionDays": 1, "ChangeableForDays": 3}));
    aws.pass(days(2));
    aws.ok("PUT", &path, json!({"MinRetentionDays": 2, "ChangeableForDays": 3}));
    aws.pass(days(3));
    assert_eq!(aws.code("DELETE", &path, json!({})), "InvalidRequestException");
}

#[test]
fn an_air_gapped_vault_is_locked_from_the_start() {
    let mut aws = Fixture::new();
    let path = ["logically-air-gapped-backup-vaults", "gap"];
    let range = |min: i64| json!({"MinRetentionDays": min, "MaxRetentionDays": 30});
    assert_eq!(aws.code("PUT", &path, range(6)), "InvalidParameterValueException");
    aws.ok("PUT", &path, range(7));
    let vault = aws.ok("GET", &["backup-vaults", "gap"], json!({}));
    assert_eq!(
        (&vault["Locked"], &vault["VaultType"]),
        (&json!(true), &json!("LOGICALLY_AIR_GAPPED_BACKUP_VAULT"))
    );
    let lock = ["backup-vaults", "gap", "vault-lock"];
    assert_eq!(aws.code("DELETE", &lock, json!({})), "InvalidRequestException");
}

#[test]
fn access_policies_are_kept_as_given_if_they_are_policies() {
    let mut aws = Fixture::new();
    let path = ["backup-vaults", SOURCE, "access-policy"];
    assert_eq!(aws.code("GET", &path, json!({})), "ResourceNotFoundException");
    for wrong in ["", "{", "{}", r#"{"Statement": [{"Effect": "Deny"}]}"#] {
        let code = aws.code("PUT", &path, json!({"Policy": wrong}));
        assert!(code.ends_with("ParameterValueException"), "{wrong}: {code}");
    }
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}]})
    .to_string();
    aws.ok("PUT", &path, json!({"Policy": policy}));
    assert_eq!(aws.ok("GET", &path, json!({}))["Policy"], json!(policy));
    assert_eq!(aws.backup.vault_policy(ACCOUNT, HOME, SOURCE), Some(policy.as_str()));
    aws.ok("DELETE", &path, json!({}));
    assert_eq!(aws.code("GET", &path, json!({})), "ResourceNotFoundException");
}

#[test]
fn region_settings_begin_with_the_advanced_features_on_and_keep_what_is_not_named() {
    let mut aws = Fixture::new();
    aws.ok("PUT", &["account-settings"], json!({"ResourceTypeOptInPreference": {"EBS": false}}));
    assert_eq!(
        aws.ok("GET", &["account-settings"], json!({})),
        json!({
            "ResourceTypeOptInPreference": {"DynamoDB": true, "EBS": false},
            "ResourceTypeManagementPreference": {"DynamoDB": true},
        })
    );
}

#[test]
fn an_unknown_operation_is_not_answered() {
    let mut aws = Fixture::new();
    assert_eq!(aws.call("GET", &["backup", "plans"], json!({})).unwrap_err().status, 404);
}
