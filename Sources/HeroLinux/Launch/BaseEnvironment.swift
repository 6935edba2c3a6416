import CHeroLinux
import Glibc

/// The base environment of every service, derived from the machine and the user alone (SP-3).
public enum BaseEnvironment {
    /// Returns `PATH HOME USER LOGNAME SHELL LANG TZ`.
    public static func current() -> [String: String] {
        let uid = geteuid()
        let user = UserDatabase.entry(uid)
        return [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": user?.home ?? "/",
            "USER": user?.name ?? String(uid),
            "LOGNAME": user?.name ?? String(uid),
            "SHELL": user?.shell ?? "/bin/sh",
            "LANG": parseLanguage(
                ["/etc/locale.conf", "/etc/default/locale"].lazy.compactMap { readText($0) }.first ?? ""
            ),
            "TZ": access("/etc/localtime", R_OK) == 0 ? ":/etc/localtime" : "UTC",
        ]
    }

    /// Returns `LANG` from a locale.conf(5) text, else `C.UTF-8`.
    static func parseLanguage(_ text: String) -> String {
        for line in text.split(separator: "\n") where line.hasPrefix("LANG=") {
            let value = line.dropFirst(5).trimmed.filter { $0 != "\"" && $0 != "'" }
            if !value.isEmpty { return value }
        }
        return "C.UTF-8"
    }
}
