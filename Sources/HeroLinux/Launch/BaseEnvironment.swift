import CHeroLinux
import Glibc

/// The environment every service begins with, made from the machine and the user alone (reliability.md SP-3).
enum BaseEnvironment {
    /// `PATH HOME USER LOGNAME SHELL LANG TZ`.
    static func current() -> [String: String] {
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

    /// `LANG` of a locale.conf(5), else `C.UTF-8`.
    static func parseLanguage(_ text: String) -> String {
        for line in text.split(separator: "\n") where line.hasPrefix("LANG=") {
            let value = line.dropFirst(5).trimmed.filter { $0 != "\"" && $0 != "'" }
            if !value.isEmpty { return value }
        }
        return "C.UTF-8"
    }
}

/// Users as the machine knows them.
public enum UserDatabase {
    /// The name of the user who runs this program; its number where it has none.
    public static var currentUserName: String { entry(geteuid())?.name ?? String(geteuid()) }

    /// What is known of a user; of one that `/etc/passwd` does not have the machine's other databases are asked, but not for ever.
    static func entry(_ uid: UInt32) -> Account.Entry? {
        if let local = Account.localEntry(uid) { return local.entry }
        return AccountLookupProgram.find(environment: [:], shim: nil).entry(of: uid, within: AccountLookups.timeout)
    }
}
