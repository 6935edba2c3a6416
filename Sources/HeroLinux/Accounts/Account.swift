import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// A user account with all its groups, looked up by name or number before a start (SP-4).
///
/// The lookup of a name goes through the name services of the machine (nsswitch.conf(5)) and may block for an unlimited
/// time. In the reconciler only `AccountLookups` looks up names. A number is used as it is, and its entry and groups
/// are read from `/etc/passwd` and `/etc/group` only.
struct Account: Hashable {
    /// An entry of the user database.
    struct Entry: Hashable {
        var name: String
        var home: String
        var shell: String
    }

    var uid: UInt32
    var gid: UInt32
    /// The supplementary groups.
    var groups: [UInt32]
    /// The entry of the user; nil for a number without an entry.
    var entry: Entry?

    /// `HOME USER LOGNAME SHELL` as a login of this user sets them.
    var variables: [String: String] {
        let name = entry?.name ?? String(uid)
        return ["HOME": entry?.home ?? "/", "USER": name, "LOGNAME": name, "SHELL": entry?.shell ?? "/bin/sh"]
    }

    /// Whether the account is the one of this process, so that an ordinary user does not need to change it (and is not
    /// allowed to).
    var isCurrentUser: Bool { geteuid() != 0 && uid == geteuid() && gid == getegid() }

    /// The account to look up: a user, a group, or both, by name or number.
    struct Query: Hashable {
        var user: String?
        var group: String?

        /// Returns nil when the rights name neither a user nor a group: the account of this process is used then.
        init?(_ rights: Rights) {
            guard rights.user != nil || rights.group != nil else { return nil }
            self.init(user: rights.user, group: rights.group)
        }

        init(user: String?, group: String?) {
            self.user = user
            self.group = group
        }

        /// Whether only numbers are given, so that no name service is needed.
        var isNumeric: Bool { [user, group].allSatisfy { $0.map { parseAccountNumber($0) != nil } ?? true } }

        /// The text for events: "user `www`".
        var displayName: String { user.map { "user `\($0)`" } ?? "group `\(group ?? "")`" }
    }

    /// Looks up an account; may block for as long as the name services of the machine do.
    ///
    /// - Throws: A `StartError` at the stage `user` that names the missing user or group.
    static func resolve(_ query: Query) throws(StartError) -> Account {
        let found = try resolveUser(query.user)
        var gid = found.gid
        if let group = query.group { gid = try number(ofGroup: group) }
        guard let gid else {
            throw StartError(
                .user,
                ENOENT,
                "user `\(query.user ?? "")`: no such user, so that its main group is unknown; set `group`"
            )
        }
        let isNumber = query.user.map { parseAccountNumber($0) != nil } ?? true
        let groups = found.entry.map { Self.groups(of: $0.name, with: gid, isLocal: isNumber) } ?? [gid]
        return Account(uid: found.uid, gid: gid, groups: groups, entry: found.entry)
    }

    /// Returns the entry of a user in `/etc/passwd`.
    static func localEntry(_ uid: UInt32) -> (gid: UInt32, entry: Entry)? {
        var gid: UInt32 = 0
        var bytes = [CChar](repeating: 0, count: 16_384)
        let size = hl_local_user_entry(uid, &gid, &bytes, bytes.count)
        return decodeEntry(bytes, size).map { (gid, $0) }
    }

    /// Returns the entry of a user from any user database of the machine; may block for an unlimited time.
    static func databaseEntry(_ uid: UInt32) -> Entry? {
        var bytes = [CChar](repeating: 0, count: 16_384)
        return decodeEntry(bytes, hl_user_entry_by_number(uid, &bytes, bytes.count))
    }

    // MARK: Lookup

    private typealias ResolvedUser = (uid: UInt32, gid: UInt32?, entry: Entry?)

    private static func resolveUser(_ text: String?) throws(StartError) -> ResolvedUser {
        guard let text else { return resolveUserNumber(geteuid()) }
        if let number = parseAccountNumber(text) { return resolveUserNumber(number) }
        guard let found = try lookUpUser(text) else { throw StartError(.user, ENOENT, "user `\(text)`: no such user") }
        return found
    }

    /// Returns the entry of a user number from `/etc/passwd`; the main group of this process is known without an entry.
    private static func resolveUserNumber(_ number: UInt32) -> ResolvedUser {
        let local = localEntry(number)
        return (number, local?.gid ?? (number == geteuid() ? getegid() : nil), local?.entry)
    }

    private static func lookUpUser(_ name: String) throws(StartError) -> ResolvedUser? {
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        var bytes = [CChar](repeating: 0, count: 16_384)
        let size = hl_user_entry(name, &uid, &gid, &bytes, bytes.count)
        guard size >= 0 else {
            let error = Int32(clamping: 0 &- size)
            throw StartError(.user, error, "user `\(name)`: the lookup failed: \(errorText(error))")
        }
        return decodeEntry(bytes, size).map { (uid, gid, $0) }
    }

    private static func decodeEntry(_ bytes: [CChar], _ size: Int) -> Entry? {
        guard size > 0, size <= bytes.count else { return nil }
        let fields = bytes.withUnsafeBytes { nulTerminatedStrings(in: UnsafeRawBufferPointer(rebasing: $0[..<size])) }
        guard fields.count == 3 else { return nil }
        return Entry(name: fields[0], home: fields[1], shell: fields[2].isEmpty ? "/bin/sh" : fields[2])
    }

    private static func number(ofGroup text: String) throws(StartError) -> UInt32 {
        if let number = parseAccountNumber(text) { return number }
        var gid: UInt32 = 0
        let result = hl_group_number(text, &gid)
        if result == 1 { return gid }
        let cause = result == 0 ? "no such group" : "it cannot be looked up: \(errorText(0 &- result))"
        throw StartError(.user, result == 0 ? ENOENT : 0 &- result, "group `\(text)`: \(cause)")
    }

    private static func groups(of name: String, with gid: UInt32, isLocal: Bool) -> [UInt32] {
        let list = isLocal ? hl_local_user_groups : hl_user_groups
        var groups = [UInt32](repeating: 0, count: 64)
        var count = Int(list(name, gid, &groups, Int32(groups.count)))
        if count > groups.count {
            groups = [UInt32](repeating: 0, count: min(count, 65_536))
            count = Int(list(name, gid, &groups, Int32(groups.count)))
        }
        return Array(groups.prefix(max(0, count)))
    }
}

/// Parses the number of a user or group; returns nil for a name, and for the number that the kernel reserves for "no
/// user" (2^32 - 1).
private func parseAccountNumber(_ text: String) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt32(text), number != .max
    else { return nil }
    return number
}
