/// One line of the report: the fate of one key of the source.
public struct LossItem: Hashable, Sendable {
    /// The path of the file.
    public var file: String
    /// The line, from 1.
    public var line: Int
    /// The key as the source writes it, with its section or service.
    public var key: String
    /// The kind.
    public var code: LossCode
    /// What was written, and what behaves differently.
    public var text: String

    /// The class of the kind.
    public var lossClass: LossClass { code.lossClass }
}

/// A service whose name was changed.
public struct RenamedService: Hashable, Sendable {
    /// The name in the source.
    public var from: String
    /// The name in the manifests.
    public var to: String
}

/// The fate of every key of an import.
public struct LossReport: Sendable {
    /// The number of keys with the same meaning.
    public var exact: Int
    /// All other keys, in the order of the files.
    public var items: [LossItem]
    /// Changed names, in the order of the files.
    public var renamed: [RenamedService]
    /// The dangerous codes that the user has accepted.
    public var accepted: Set<LossCode>

    /// The dangerous items that are not accepted; if there are any, nothing is written.
    public var refused: [LossItem] {
        items.filter { $0.lossClass == .dangerous && !accepted.contains($0.code) }
    }

    /// Whether something of the source is not in the manifests, or a danger was accepted.
    public var hasLosses: Bool {
        items.contains { $0.lossClass == .lost || $0.lossClass == .dangerous }
    }

    /// The number of items of a class.
    public func count(_ lossClass: LossClass) -> Int {
        lossClass == .exact ? exact : items.count { $0.lossClass == lossClass }
    }
}
