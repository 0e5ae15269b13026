//! What the credentials of a customer allow, found out without changing anything.

use serde_json::{Value, json};

use super::Google;
use crate::platforms::write::parse;
use crate::platforms::{Access, PlatformError};

/// The one scope everything needs.
const SCOPE: &str = "https://www.googleapis.com/auth/adwords";

pub(super) async fn read(google: &Google) -> Result<Access, PlatformError> {
    let account = super::inventory::account(google).await?;
    let reachable = google.get(parse(&format!("{}/customers:listAccessibleCustomers", google.root()))?).await?;
    let names = reachable["resourceNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = google.customer();
    let mut rights = vec![format!("scope {SCOPE}"), "read campaigns".to_owned()];
    let direct = names.iter().filter_map(Value::as_str).any(|name| name == own);
    rights.push(if direct { "reached directly".to_owned() } else { "reached through a manager account".to_owned() });
    let mut missing = Vec::new();
    // A change that is judged and never made tells whether changes would be allowed.
    let name = format!("access check {}", google.caller.clock().now().ms());
    let unit = google.unit(account.currency).await?;
    let body = json!({
        "operations": [{ "create": { "name": name, "amountMicros": unit.micros().to_string(), "deliveryMethod": "STANDARD", "explicitlyShared": false } }],
        "validateOnly": true,
    });
    match google.ask(parse(&format!("{}/campaignBudgets:mutate", google.base))?, &body).await {
        Ok(_) | Err(PlatformError::Validation(_) | PlatformError::Policy(_)) => rights.push("change campaigns".to_owned()),
        Err(PlatformError::Permission(what)) => missing.push(format!("change campaigns: {what}")),
        Err(error) => return Err(error),
    }
    if !account.in_good_standing {
        missing.push("an account that is enabled and no manager".to_owned());
    }
    Ok(Access { account, rights, missing, token_ends: None, left: Vec::new() })
}
