import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// A user with all its groups, found by name or number before a start (reliability.md SP-4).
struct Account {
    /// `HOME USER LOGNAME SHELL` of the user.
    static let variableNames = ["HOME", "USER", "LOGNAME", "SHELL"]

    var uid: UInt32
    var gid: UInt32
    /// The supplementary groups.
    var groups: [UInt32]
    /// What stands in the database of users; nil for a number that has no entry there.
    private var entry: (name: String, home: String, shell: String)?

    /// `HOME USER LOGNAME SHELL` as a login of the user would set them.
    var variables: [String: String] {
        let name = entry?.name ?? String(uid)
        return ["HOME": entry?.home ?? "/", "USER": name, "LOGNAME": name, "SHELL": entry?.shell ?? "/bin/sh"]
    }

    /// Whether this is who the reconciler is, so that nothing needs to be changed, nor may be by an ordinary user.
    var isOwn: Bool { geteuid() != 0 && uid == geteuid() && gid == getegid() }

    /// Finds who is meant.
    ///
    /// - Returns: nil when neither a user nor a group is named.
    /// - Throws: A refusal at the stage `user` that names what is not there.
    static func of(_ rights: Rights) throws(StartRefusal) -> Account? {
        guard rights.user != nil || rights.group != nil else { return nil }
        let found = try user(rights.user)
        var gid = found.gid
        if let group = rights.group { gid = try number(ofGroup: group) }
        guard let gid else {
            throw StartRefusal(
                .user,
                ENOENT,
                "user `\(rights.user ?? "")`: no such user, so that its main group is unknown; set `group`"
            )
        }
        let groups = found.entry.map { Self.groups(of: $0.name, with: gid) } ?? [gid]
        return Account(uid: found.uid, gid: gid, groups: groups, entry: found.entry)
    }

    private typealias Found = (uid: UInt32, gid: UInt32?, entry: (name: String, home: String, shell: String)?)

    private static func user(_ text: String?) throws(StartRefusal) -> Found {
        guard let text else { return try lookUp(nil, number: geteuid()) ?? (geteuid(), getegid(), nil) }
        if let found = try lookUp(text, number: 0) { return found }
        guard let number = accountNumber(text) else {
            throw StartRefusal(.user, ENOENT, "user `\(text)`: no such user")
        }
        return try lookUp(nil, number: number) ?? (number, nil, nil)
    }

    private static func lookUp(_ name: String?, number: UInt32) throws(StartRefusal) -> Found? {
        var uid = number
        var gid: UInt32 = 0
        var bytes = [CChar](repeating: 0, count: 16_384)
        let size = hl_account(name, &uid, &gid, &bytes, bytes.count)
        guard size >= 0 else {
            let error = Int32(clamping: 0 &- size)
            throw StartRefusal(
                .user,
                error,
                "user `\(name ?? String(number))`: it cannot be looked up: \(errorText(error))"
            )
        }
        guard size > 0 else { return nil }
        let fields = bytes.withUnsafeBytes { strings(in: UnsafeRawBufferPointer(rebasing: $0[..<size])) }
        guard fields.count == 3 else { return nil }
        return (uid, gid, (fields[0], fields[1], fields[2].isEmpty ? "/bin/sh" : fields[2]))
    }

    private static func number(ofGroup text: String) throws(StartRefusal) -> UInt32 {
        var gid: UInt32 = 0
        let result = hl_group(text, &gid)
        if result == 1 { return gid }
        if result == 0, let number = accountNumber(text) { return number }
        let cause = result == 0 ? "no such group" : "it cannot be looked up: \(errorText(0 &- result))"
        throw StartRefusal(.user, result == 0 ? ENOENT : 0 &- result, "group `\(text)`: \(cause)")
    }

    private static func groups(of name: String, with gid: UInt32) -> [UInt32] {
        var groups = [UInt32](repeating: 0, count: 64)
        var count = Int(hl_groups(name, gid, &groups, Int32(groups.count)))
        if count > groups.count {
            groups = [UInt32](repeating: 0, count: min(count, 65_536))
            count = Int(hl_groups(name, gid, &groups, Int32(groups.count)))
        }
        return Array(groups.prefix(max(0, count)))
    }
}

/// The number of a user or a group written in digits; nil for one that the kernel takes as nobody.
private func accountNumber(_ text: String) -> UInt32? {
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt32(text), number != .max else {
        return nil
    }
    return number
}
