import CHeroLinux
import Glibc

/// The base environment of every service, derived from the machine and the user alone (SP-3).
public enum BaseEnvironment {
    /// Returns `PATH HOME USER LOGNAME SHELL LANG`, and `TZ` if the time zone of the machine has a name.
    public static func current() -> [String: String] {
        let uid = geteuid()
        let user = UserDatabase.entry(uid)
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": user?.home ?? "/",
            "USER": user?.name ?? String(uid),
            "LOGNAME": user?.name ?? String(uid),
            "SHELL": user?.shell ?? "/bin/sh",
            "LANG": parseLanguage(
                ["/etc/locale.conf", "/etc/default/locale"].lazy.compactMap { readText($0) }.first ?? ""
            ),
        ]
        environment["TZ"] = timeZoneName(localTime: "/etc/localtime", nameFile: "/etc/timezone")
        return environment
    }

    /// The name of the time zone of the machine, such as `Europe/Brussels`; nil if it has none.
    ///
    /// Only a name is understood by every language runtime. Without `TZ`, a program uses `/etc/localtime` itself.
    ///
    /// - Parameters:
    ///   - localTime: The file of the C library, usually a link to a file below a `zoneinfo` directory (localtime(5)).
    ///   - nameFile: The file with the name on machines where the first file is a copy.
    /// - Returns: The name, which need not be in the database of the machine.
    static func timeZoneName(localTime: String, nameFile: String) -> String? {
        var path = localTime
        // The first link that leads into a time zone database: a later one may lead from the name to an alias.
        for _ in 0..<maximumLinks {
            guard let target = linkTarget(path) else { break }
            if let name = zoneName(inPath: target) { return name }
            let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
            path = target.hasPrefix("/") ? target : "\(folder)/\(target)"
        }
        let lines = (readText(nameFile, limit: 1024) ?? "").split(separator: "\n").map(\.trimmed)
        guard let name = lines.first(where: { !$0.isEmpty && !$0.hasPrefix("#") }), ZoneFiles.isValidName(name) else {
            return nil
        }
        return name
    }

    private static let maximumLinks = 8

    /// Returns the part of a path behind its last `zoneinfo` directory; nil if it has none or is no name of a zone.
    private static func zoneName(inPath path: String) -> String? {
        let parts = path.split(separator: "/")
        guard let root = parts.lastIndex(of: "zoneinfo") else { return nil }
        var name = parts[(root + 1)...]
        // The directory `posix` repeats the database. The zones below `right` count leap seconds and have no names.
        if name.first == "posix" { name = name.dropFirst() }
        let text = name.joined(separator: "/")
        return name.first != "right" && ZoneFiles.isValidName(text) ? text : nil
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
