//! The gateway as a service of the person's session: the texts of a systemd user unit and of a launchd agent.

use std::path::Path;

/// The name of the systemd unit.
pub(super) const UNIT: &str = "moai.service";
/// What stands at the top of both: a file without it is somebody else's.
pub(super) const MARK: &str = "Written by `moai serve install`";
/// The label of the launchd agent; its file has it as its name.
pub(super) const LABEL: &str = "moai.serve";

/// What a service has to know.
pub(super) struct Service<'a> {
    /// The program.
    pub(super) program: &'a str,
    /// The person's home directory, where it stands.
    pub(super) home: &'a str,
    /// moai's own directory, the one that it writes to.
    pub(super) moai_home: &'a str,
    /// Where the spool may have to go when that is full.
    pub(super) refuges: &'a [&'a str],
    /// Variables that it gets.
    pub(super) variables: &'a [(&'a str, &'a str)],
    /// How many seconds it may take to stop.
    pub(super) stop: u64,
}

impl Service<'_> {
    /// The systemd unit. It may read, listen, ask vendors, and write in moai's own directory; nothing else.
    pub(super) fn systemd(&self) -> String {
        let lines = self.variables.iter().map(|(name, value)| quoted(&format!("{name}={value}")));
        let environment = lines.map(|line| format!("Environment={line}\n")).collect::<Vec<_>>().concat();
        let refuges: Vec<String> =
            self.refuges.iter().map(|path| format!(" {}", quoted(&format!("-{path}")))).collect();
        let refuges = refuges.concat();
        format!(
            "\
# Written by `moai serve install`; `moai serve uninstall` takes it away.
[Unit]
Description=moai: every model behind one address
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} serve
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={home}
{environment}EnvironmentFile={variables}
Restart=on-failure
RestartSec=2
TimeoutStopSec={stop}
UMask=0077

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={moai_home}{refuges}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=default.target
",
            program = quoted(&self.program.replace('$', "$$")),
            home = bare(self.home),
            variables = bare(&format!("-{}/serve.env", self.moai_home)),
            moai_home = quoted(self.moai_home),
            stop = self.stop,
        )
    }

    /// The launchd agent.
    pub(super) fn launchd(&self) -> String {
        let entry = |name: &str, value: &str| {
            format!("    <key>{}</key>\n    <string>{}</string>\n", escaped(name), escaped(value))
        };
        let variables: String = self.variables.iter().map(|(name, value)| entry(name, value)).collect();
        format!(
            "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<!-- Written by `moai serve install`; `moai serve uninstall` takes it away. -->
<plist version=\"1.0\">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>
    <string>{program}</string>
    <string>serve</string>
  </array>
  <key>WorkingDirectory</key>
  <string>{home}</string>
  <key>EnvironmentVariables</key>
  <dict>
{variables}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>{stop}</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>StandardErrorPath</key>
  <string>{log}</string>
</dict>
</plist>
",
            program = escaped(self.program),
            home = escaped(self.home),
            log = escaped(&Path::new(self.moai_home).join("logs/gateway.log").display().to_string()),
            stop = self.stop,
        )
    }
}

/// A word of a unit: quoted, with what systemd would replace in it taken literally (systemd.syntax, systemd.unit).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}

/// A path that takes the whole line: only the specifiers are to be escaped.
fn bare(text: &str) -> String {
    text.replace('%', "%%")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service<'static> {
        Service {
            program: "/opt/a b/50%/mo$ai",
            home: "/home/x",
            moai_home: "/home/x/\"q\"/.moai",
            refuges: &["/var/tmp"],
            variables: &[("MOAI_HOME", "/home/x/<&>")],
            stop: 40,
        }
    }

    #[test]
    fn what_systemd_would_replace_is_taken_literally() {
        let unit = service().systemd();
        for line in [
            "ExecStart=\"/opt/a b/50%%/mo$$ai\" serve",
            "ReadWritePaths=\"/home/x/\\\"q\\\"/.moai\" \"-/var/tmp\"",
            "Environment=\"MOAI_HOME=/home/x/<&>\"",
            "EnvironmentFile=-/home/x/\"q\"/.moai/serve.env",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
        ] {
            assert!(unit.lines().any(|own| own == line), "{line}\n{unit}");
        }
    }

    #[test]
    fn the_agent_is_xml() {
        let agent = service().launchd();
        assert!(agent.contains("<string>/home/x/&lt;&amp;&gt;</string>"), "{agent}");
        assert!(agent.contains("<string>/opt/a b/50%/mo$ai</string>"));
        assert_eq!(agent.matches("<dict>").count(), agent.matches("</dict>").count());
    }
}
