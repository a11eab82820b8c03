//! The time zone's own file, read at its place. Asked by name, jiff first lists every zone of the system: 20
//! directories, which takes longer than all else that a small command does.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;

/// Where systems keep their zones, the usual place first.
const PLACES: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];

/// The zone that `/etc/localtime` is a link to; `None` where it is none, and jiff has to look.
pub(super) fn of_system() -> Option<TimeZone> {
    linked(Path::new("/etc/localtime"))
}

/// The zone of this name, spelled as its file is; `None` where there is no such file.
pub(super) fn named(name: &str) -> Option<TimeZone> {
    let name = Some(name).filter(|name| is_name(name))?;
    PLACES.iter().find_map(|place| read(name, &Path::new(place).join(name)))
}

fn linked(link: &Path) -> Option<TimeZone> {
    let target = fs::read_link(link).ok()?;
    let (_, name) = target.to_str()?.rsplit_once("zoneinfo/")?;
    read(Some(name).filter(|name| is_name(name))?, link)
}

fn read(name: &str, path: &Path) -> Option<TimeZone> {
    TimeZone::tzif(name, &fs::read(path).ok()?).ok()
}

/// `Asia/Seoul`, `Etc/GMT+9`: nothing that leads out of the zones' directory.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_the_same_as_jiff_finds_it() {
        for name in ["Asia/Seoul", "America/New_York", "Etc/GMT+9", "UTC"] {
            let Some(zone) = named(name) else { continue }; // a slim container has no zones
            let other = TimeZone::get(name).unwrap();
            assert_eq!(zone.iana_name(), Some(name));
            for day in 0..366 {
                let at = jiff::Timestamp::from_second(1_767_225_600 + day * 86_400).unwrap();
                assert_eq!(zone.to_datetime(at), other.to_datetime(at), "{name} on day {day}");
            }
        }
    }

    #[test]
    fn what_is_no_zone_is_left_to_jiff() {
        for name in ["", "../../etc/passwd", "/etc/passwd", "Asia/Nowhere", "EST5EDT,M3.2.0,M11.1.0", "Asia"] {
            assert!(named(name).is_none(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_says_the_name_and_a_copy_is_left_to_jiff() {
        let dir = tempfile::tempdir().unwrap();
        let seoul = Path::new("/usr/share/zoneinfo/Asia/Seoul");
        let (link, copy) = (dir.path().join("link"), dir.path().join("copy"));
        std::os::unix::fs::symlink(seoul, &link).unwrap();
        assert_eq!(linked(&link).is_some(), seoul.exists());
        #[expect(clippy::disallowed_methods, reason = "a test writes a file")]
        fs::write(&copy, "TZif").unwrap();
        assert!(linked(&copy).is_none());
    }
}
