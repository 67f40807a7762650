//! Region settings: whether DynamoDB is opted in and managed with the advanced features.

use serde_json::{Value, json};

use super::Backup;
use super::place::AccountRegion;
use super::wire::{Request, invalid_parameter};
use crate::api::ApiError;

impl Backup {
    pub(super) fn advanced(&self, place: &AccountRegion) -> bool {
        self.sites.get(place).is_none_or(|site| site.region.advanced())
    }

    pub(super) fn describe_region(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let region = &self.site(&request.place).region;
        let body = json!({
            "ResourceTypeOptInPreference": region.opt_in,
            "ResourceTypeManagementPreference": region.management,
        });
        Ok(("*".to_owned(), body))
    }

    /// Changes new backups only; what was made before keeps its features.
    pub(super) fn update_region(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let changes = |name: &str| -> Result<Vec<(String, bool)>, ApiError> {
            let Some(map) = request.body.get(name).and_then(Value::as_object) else { return Ok(Vec::new()) };
            map.iter()
                .map(|(key, value)| {
                    let on = value
                        .as_bool()
                        .ok_or_else(|| invalid_parameter(format!("{name}.{key} is no boolean")));
                    on.map(|on| (key.clone(), on))
                })
                .collect()
        };
        let opt_in = changes("ResourceTypeOptInPreference")?;
        let management = changes("ResourceTypeManagementPreference")?;
        self.outbox.region(&request.place, &opt_in, &management, request.now());
        let region = &mut self.site(&request.place).region;
        region.opt_in.extend(opt_in);
        region.management.extend(management);
        Ok(("*".to_owned(), json!({})))
    }
}
