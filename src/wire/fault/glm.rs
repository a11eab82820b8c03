//! GLM's business codes (docs.bigmodel.cn/cn/api/api-code and docs.z.ai/api-reference/api-code, as of 2026-11).
//! Nearly all of them can arrive as HTTP 429, so the status alone says nothing.

use super::FaultKind;

/// What a code means; `None` for a number that is no code of GLM's.
pub(super) const fn kind(code: u32) -> Option<FaultKind> {
    Some(match code {
        // The key; and the account behind it, which is not active, not known or locked (1113 is an empty balance).
        1000..=1004 | 1110..=1112 | 1114..=1121 => FaultKind::Auth,
        1220..=1222 => FaultKind::Permission,
        1211 => FaultKind::NoModel,
        1210 | 1212..=1215 => FaultKind::BadRequest,
        1230 | 1231 | 1233 | 1234 => FaultKind::Server,
        1261 => FaultKind::TooLong,
        1300 | 1301 => FaultKind::ContentPolicy,
        // Concurrency, frequency.
        1302 | 1303 => FaultKind::RateLimit,
        // Traffic, model busy.
        1305 | 1312 => FaultKind::Overloaded,
        // Balance, daily cap, window cap, plan expired, weekly or monthly cap, not in the plan, fair use.
        1113 | 1304 | 1308..=1311 | 1313 => FaultKind::Quota,
        _ => return None,
    })
}

/// The moment at which a cap is lifted, as the message spells it: `2026-01-27 10:00:00`.
pub(super) fn reset(message: &str) -> Option<String> {
    let shape = |piece: &str| {
        piece.len() == 19
            && piece.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                10 => matches!(byte, b' ' | b'T'),
                13 | 16 => byte == b':',
                _ => byte.is_ascii_digit(),
            })
    };
    message.char_indices().find_map(|(at, _)| message.get(at..at + 19).filter(|piece| shape(piece))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::Remedy;
    use super::*;

    #[test]
    fn which_codes_are_worth_a_retry() {
        for code in [1302, 1303, 1305, 1312, 1234] {
            assert_eq!(kind(code).map(FaultKind::remedy), Some(Remedy::Retry), "{code}");
        }
        for code in [1304, 1308, 1309, 1310, 1311, 1313, 1113, 1000, 1211, 1220] {
            assert_eq!(kind(code).map(FaultKind::remedy), Some(Remedy::Elsewhere), "{code}");
        }
        for code in [1210, 1214, 1261, 1301] {
            assert_eq!(kind(code).map(FaultKind::remedy), Some(Remedy::Stop), "{code}");
        }
        assert_eq!(kind(429), None);
    }

    #[test]
    fn the_reset_time_is_found_in_the_text() {
        let text = "已达到 5 小时的使用上限。您的限额将在 2026-01-27 10:00:00 重置。";
        assert_eq!(reset(text).as_deref(), Some("2026-01-27 10:00:00"));
        assert_eq!(reset("limit reached"), None);
    }
}
