import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// A user with all its groups, found by name or number before a start (reliability.md SP-4).
///
/// Names are looked up in whatever the machine is told to ask (nsswitch.conf(5)), and that may take for ever: in the
/// reconciler it is done by `AccountLookups` alone. Numbers are taken as they are; what belongs to them is what `/etc/passwd`
/// and `/etc/group` say, and nobody else is asked.
struct Account: Hashable {
    /// `HOME USER LOGNAME SHELL` of the user.
    static let variableNames = ["HOME", "USER", "LOGNAME", "SHELL"]

    /// What stands in the database of users.
    struct Entry: Hashable {
        var name: String
        var home: String
        var shell: String
    }

    var uid: UInt32
    var gid: UInt32
    /// The supplementary groups.
    var groups: [UInt32]
    /// What is known of the user; nil for a number that has no entry.
    var entry: Entry?

    /// `HOME USER LOGNAME SHELL` as a login of the user would set them.
    var variables: [String: String] {
        let name = entry?.name ?? String(uid)
        return ["HOME": entry?.home ?? "/", "USER": name, "LOGNAME": name, "SHELL": entry?.shell ?? "/bin/sh"]
    }

    /// Whether this is who the reconciler is, so that nothing needs to be changed, nor may be by an ordinary user.
    var isCurrentUser: Bool { geteuid() != 0 && uid == geteuid() && gid == getegid() }

    /// Who is asked for: a user, a group, or both, by name or number.
    struct Query: Hashable {
        var user: String?
        var group: String?

        /// nil when neither is named: then it is whoever starts it.
        init?(_ rights: Rights) {
            guard rights.user != nil || rights.group != nil else { return nil }
            self.init(user: rights.user, group: rights.group)
        }

        init(user: String?, group: String?) {
            self.user = user
            self.group = group
        }

        /// Whether nobody needs to be asked: numbers alone.
        var isNumeric: Bool { [user, group].allSatisfy { $0.map { parseAccountNumber($0) != nil } ?? true } }

        /// As events name it.
        var displayName: String { user.map { "user `\($0)`" } ?? "group `\(group ?? "")`" }
    }

    /// Finds who is meant; takes as long as the machine's databases do.
    ///
    /// - Throws: A refusal at the stage `user` that names what is not there.
    static func resolve(_ question: Query) throws(StartError) -> Account {
        let found = try resolveUser(question.user)
        var gid = found.gid
        if let group = question.group { gid = try number(ofGroup: group) }
        guard let gid else {
            throw StartError(
                .user,
                ENOENT,
                "user `\(question.user ?? "")`: no such user, so that its main group is unknown; set `group`"
            )
        }
        let isNumber = question.user.map { parseAccountNumber($0) != nil } ?? true
        let groups = found.entry.map { Self.groups(of: $0.name, with: gid, isLocal: isNumber) } ?? [gid]
        return Account(uid: found.uid, gid: gid, groups: groups, entry: found.entry)
    }

    /// The entry of a user in `/etc/passwd`.
    static func localEntry(_ uid: UInt32) -> (gid: UInt32, entry: Entry)? {
        var gid: UInt32 = 0
        var bytes = [CChar](repeating: 0, count: 16_384)
        let size = hl_local_user_entry(uid, &gid, &bytes, bytes.count)
        return decodeEntry(bytes, size).map { (gid, $0) }
    }

    /// The entry of a user wherever the machine keeps it; may take for ever.
    static func databaseEntry(_ uid: UInt32) -> Entry? {
        var bytes = [CChar](repeating: 0, count: 16_384)
        return decodeEntry(bytes, hl_user_entry_by_number(uid, &bytes, bytes.count))
    }

    // MARK: Looking

    private typealias ResolvedUser = (uid: UInt32, gid: UInt32?, entry: Entry?)

    private static func resolveUser(_ text: String?) throws(StartError) -> ResolvedUser {
        guard let text else { return resolveUserNumber(geteuid()) }
        if let number = parseAccountNumber(text) { return resolveUserNumber(number) }
        guard let found = try lookUpUser(text) else { throw StartError(.user, ENOENT, "user `\(text)`: no such user") }
        return found
    }

    /// What `/etc/passwd` says of a number; of our own main group we know ourselves.
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
            throw StartError(.user, error, "user `\(name)`: it cannot be looked up: \(errorText(error))")
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

/// The number of a user or a group written in digits; nil for a name, and for what the kernel takes as nobody.
private func parseAccountNumber(_ text: String) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt32(text), number != .max
    else { return nil }
    return number
}
