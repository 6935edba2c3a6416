import CHeroLinux
import Glibc

/// The environment every service begins with, made from the machine and the user alone (reliability.md SP-3).
enum BaseEnvironment {
    /// `PATH HOME USER LOGNAME SHELL LANG TZ`.
    static func current() -> [String: String] {
        let uid = geteuid()
        let user = User.entry(uid)
        return [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": user?.home ?? "/",
            "USER": user?.name ?? String(uid),
            "LOGNAME": user?.name ?? String(uid),
            "SHELL": user?.shell ?? "/bin/sh",
            "LANG": language(["/etc/locale.conf", "/etc/default/locale"].lazy.compactMap { readText($0) }.first ?? ""),
            "TZ": access("/etc/localtime", R_OK) == 0 ? ":/etc/localtime" : "UTC",
        ]
    }

    /// `LANG` of a locale.conf(5), else `C.UTF-8`.
    static func language(_ text: String) -> String {
        for line in text.split(separator: "\n") where line.hasPrefix("LANG=") {
            let value = line.dropFirst(5).trimmed.filter { $0 != "\"" && $0 != "'" }
            if !value.isEmpty { return value }
        }
        return "C.UTF-8"
    }
}

/// Users as the machine knows them.
public enum User {
    /// The name of the user who runs this program; its number where it has none.
    public static var name: String { entry(geteuid())?.name ?? String(geteuid()) }

    static func entry(_ uid: UInt32) -> (name: String, home: String, shell: String)? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let size = hl_user(uid, &bytes, bytes.count)
        guard size > 0 else { return nil }
        let fields = bytes.withUnsafeBytes { strings(in: UnsafeRawBufferPointer(rebasing: $0[..<size])) }
        guard fields.count == 3 else { return nil }
        return (fields[0], fields[1], fields[2].isEmpty ? "/bin/sh" : fields[2])
    }
}
