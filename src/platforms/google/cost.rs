//! What a call counts as: Google counts operations a day and project, and requests a minute of project and customer.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::platforms::call::{Asking, Cost};
use crate::platforms::limits::Pot;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    operations: Vec<IgnoredAny>,
    #[serde(default)]
    mutate_operations: Vec<IgnoredAny>,
    page_token: Option<IgnoredAny>,
}

/// One operation for a read, however many rows it brings, and none for its following pages; one for each operation of a mutate, also of one that is
/// only to be judged, as nobody says that those are free.
pub(super) fn of(asking: &Asking<'_>) -> Cost {
    let body: Option<Body> = serde_json::from_slice(asking.body).ok();
    let operations = match body {
        Some(body) if asking.path.ends_with(":mutate") => u32::try_from(body.operations.len().max(body.mutate_operations.len())).unwrap_or(u32::MAX).max(1),
        Some(Body { page_token: Some(_), .. }) => 0,
        Some(_) | None => 1,
    };
    vec![(Pot::App, operations), (Pot::Account, 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platforms::call::Verb;

    #[test]
    fn operations_are_counted_and_not_requests() {
        let cost = |path, body: &str| of(&Asking { verb: Verb::Post, path, body: body.as_bytes() });
        let search = "/v26/customers/1/googleAds:search";
        for (path, body, operations) in [
            (search, r#"{"query":"SELECT customer.id FROM customer"}"#, 1),
            (search, r#"{"query":"SELECT customer.id FROM customer","pageToken":"x"}"#, 0),
            ("/v26/customers/1/campaigns:mutate", r#"{"operations":[{"update":{}}]}"#, 1),
            ("/v26/customers/1/googleAds:mutate", r#"{"mutateOperations":[{},{},{"campaignOperation":{"create":{}}}]}"#, 3),
            ("/v26/customers/1/campaignBudgets:mutate", r#"{"operations":[{},{}],"validateOnly":true}"#, 2),
            ("/v26/customers:listAccessibleCustomers", "", 1),
        ] {
            assert_eq!(cost(path, body), vec![(Pot::App, operations), (Pot::Account, 1)], "{path} {body}");
        }
    }
}
