/// What a client may do.
enum Role: Int, Comparable, Sendable {
    /// Reads everything.
    case reader
    /// Also calls the methods that change something.
    case admin

    static func < (one: Role, other: Role) -> Bool { one.rawValue < other.rawValue }
}

/// The process at the other end of a Unix socket, as the kernel reports it (SO_PEERCRED, SO_PEERGROUPS).
struct Peer: Hashable, Sendable {
    var user: UInt32
    /// Its main group and its supplementary groups.
    var groups: Set<UInt32>
}

/// Decides what a client may do.
struct AccessPolicy: Sendable {
    /// The user of heroproc.
    var owner: UInt32
    var adminGroup: UInt32?
    var readGroup: UInt32?
    var adminToken: AccessToken?
    var readToken: AccessToken?
    /// Whether every client only reads.
    var isReadOnly = false

    /// The role of a client of a Unix socket; nil if it may do nothing.
    func role(of peer: Peer) -> Role? {
        if peer.user == 0 || peer.user == owner { return limited(.admin) }
        if let adminGroup, peer.groups.contains(adminGroup) { return limited(.admin) }
        if let readGroup, peer.groups.contains(readGroup) { return .reader }
        return nil
    }

    /// The role of a client of a TCP listener with this `Authorization` header; nil if its token is unknown.
    func role(authorization: String?) -> Role? {
        guard let authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let given = parts[1].trimmingSpaces
        if adminToken?.matches(given) == true { return limited(.admin) }
        return readToken?.matches(given) == true ? .reader : nil
    }

    private func limited(_ role: Role) -> Role { isReadOnly ? .reader : role }
}

/// A secret that a client of a TCP listener must know.
struct AccessToken: Sendable {
    private let bytes: [UInt8]

    /// Takes the first line of a token file; nil if it is empty or not printable ASCII.
    init?(fileContent: [UInt8]) {
        let text = String(decoding: fileContent, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        guard lines.count == 1, let line = lines.first?.trimmingSpaces, !line.isEmpty,
            line.utf8.allSatisfy({ (33...126).contains($0) })
        else { return nil }
        bytes = Array(line.utf8)
    }

    /// Compares in a time that does not depend on the place of the first difference.
    func matches(_ text: some StringProtocol) -> Bool {
        let given = Array(text.utf8)
        var difference: UInt8 = given.count == bytes.count ? 0 : 1
        for (index, byte) in bytes.enumerated() {
            difference |= byte ^ (given.isEmpty ? 0xFF : given[index % given.count])
        }
        return difference == 0
    }
}
