//! What Z.AI's business codes mean (docs.z.ai/api-reference/api-code and docs.bigmodel.cn/cn/api/api-code, read
//! 2026-11-20). All of them can arrive as HTTP 429, so the status alone says little.

/// What a code asks of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Another key.
    Key,
    /// Something on the account: money, a plan, an identity check.
    Account,
    /// Another model, or another plan.
    Model,
    /// Wait, and try again.
    Wait,
    /// Nothing that the person can do here: moai asked wrongly, or the vendor is down.
    None,
}

/// The meaning of a code in a few words.
pub(super) fn meaning(code: &str) -> Option<(&'static str, Cure)> {
    let number: u32 = code.parse().ok()?;
    Some(match number {
        1000..=1004 => ("the key is not accepted", Cure::Key),
        1113 => ("the account is out of balance", Cure::Account),
        1110..=1121 => ("the account is locked or not usable", Cure::Account),
        1210 | 1213..=1215 => ("the request has a wrong parameter", Cure::None),
        1211 => ("there is no such model", Cure::Model),
        1220..=1222 => ("the account has no access to this", Cure::Account),
        1234 => ("the vendor's network failed", Cure::Wait),
        1261 => ("the prompt is too long", Cure::None),
        1301 => ("the content policy refused it", Cure::None),
        1302 => ("too many requests at once", Cure::Wait),
        1303 => ("requests come too fast", Cure::Wait),
        1304 => ("the daily limit is used up", Cure::Account),
        1305 => ("the service is overloaded", Cure::Wait),
        1308 => ("the limit of this time window is used up", Cure::Account),
        1309 => ("the plan has expired", Cure::Account),
        1310 => ("the weekly or monthly limit is used up", Cure::Account),
        1311 => ("the plan does not include this model", Cure::Model),
        1312 => ("the model is busy", Cure::Wait),
        1313 => ("the fair-use limit is reached", Cure::Account),
        _ => return None,
    })
}

/// The meaning of an HTTP status where no code says more.
pub(super) fn status_meaning(status: u16) -> (&'static str, Cure) {
    match status {
        401 => ("the key is not accepted", Cure::Key),
        402 => ("the account is out of balance", Cure::Account),
        403 => ("the account has no access to this", Cure::Account),
        404 => ("there is no such model or address", Cure::Model),
        408 | 429 | 500..=599 => ("the service is busy or failing", Cure::Wait),
        _ => ("the request was refused", Cure::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_told_apart_from_traffic() {
        assert_eq!(meaning("1113"), Some(("the account is out of balance", Cure::Account)));
        assert_eq!(meaning("1302").unwrap().1, Cure::Wait);
        assert_eq!(meaning("1308").unwrap().1, Cure::Account);
        assert_eq!(meaning("1311").unwrap().1, Cure::Model);
        assert_eq!(meaning("1999"), None);
        assert_eq!(meaning("authentication_error"), None);
    }
}
