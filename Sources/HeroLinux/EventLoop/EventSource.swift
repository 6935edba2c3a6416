/// Identifies the source of a readiness event or a timer: a kind, and an ID that the owner of the kind assigns.
struct EventSource: Hashable {
    enum Kind: UInt8 {
        case timer
        case clockChange
        case signals
        case shimNotices
        case shim
        case forkServer
        case forkServerExit
        case mainProcess
        case notifyState
        case orphan
        case outputDrain
        case manifestWatcher
        case contentWatcher
        case runDirectory
        case controlListener
        case controlConnection
        case probeConnection
        case probeCommandErrors
        case probeCommandExit
        case resolverResults
        case accountLookup
        case accountLookupExit
        case helperTask
        case helperTaskExit
        case repositoryReply
        case repositoryExit
    }

    var kind: Kind
    var id: UInt64

    init(_ kind: Kind, _ number: UInt64 = 0) {
        self.kind = kind
        self.id = number
    }

    /// The kind and the ID in one integer, for epoll.
    var token: UInt { UInt(kind.rawValue) << 56 | UInt(id & (1 << 56 - 1)) }

    init?(token: UInt) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: token >> 56)) else { return nil }
        self.kind = kind
        id = UInt64(token & (1 << 56 - 1))
    }
}
