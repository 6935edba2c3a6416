import HeroJSON
import HeroLinux
import HeroModel
import HeroStore
import Synchronization

/// What the server reads: rows from the database, and everything else from `heroproc`.
final class ServerData: Sendable {
    /// The result of `heroproc status`.
    struct Status: Sendable {
        var document: JSONValue
        /// Whether every service is as wanted.
        var isAsWanted: Bool
    }

    private struct CachedStatus {
        var startedAt: Int64
        var result: Result<Status, RPCError>
    }

    let program: HeroprocProgram
    let paths: RuntimePaths
    let usageHistory = UsageHistory()
    /// The services directory of `--dir` or HEROPROC_DIR, absolute.
    private let namedDirectory: String?
    /// The directory that is used if neither a reconciler nor a revision names one.
    private let defaultDirectory: String
    private let cachedStatus = Mutex<CachedStatus?>(nil)
    private let statusTurn = WorkLimit(1)
    /// The age up to which a status is shared between clients, in milliseconds.
    private static let sharedAge: Int64 = 100

    init(_ program: HeroprocProgram, _ paths: RuntimePaths, namedDirectory: String?, defaultDirectory: String) {
        self.program = program
        self.paths = paths
        self.namedDirectory = namedDirectory
        self.defaultDirectory = defaultDirectory
    }

    // MARK: Status

    /// The status of all services.
    ///
    /// Clients that ask at the same time share one result, so the work does not grow with their number.
    func status() throws(RPCError) -> Status {
        let askedAt = Connection.now()
        return try statusTurn.perform { () -> Result<Status, RPCError> in
            if let cached = cachedStatus.withLock({ $0 }), cached.startedAt >= askedAt - Self.sharedAge {
                return cached.result
            }
            let startedAt = Connection.now()
            let result = readStatus([])
            cachedStatus.withLock { $0 = CachedStatus(startedAt: startedAt, result: result) }
            return result
        }.get()
    }

    /// The status of one service or standalone action.
    func status(of name: QualifiedName) throws(RPCError) -> Status { try readStatus([name.description]).get() }

    private func readStatus(_ names: [String]) -> Result<Status, RPCError> {
        do throws(RPCError) {
            let output = try program.output(["status"] + names)
            let document = try HeroprocProgram.document(output)
            return .success(Status(document: document, isAsWanted: output.exitCode == 0))
        } catch {
            return .failure(error)
        }
    }

    /// The services of the status document.
    func services() throws(RPCError) -> [JSONValue] { try status().document.items("services") }

    /// One service of the status document.
    func service(_ name: QualifiedName) throws(RPCError) -> JSONValue {
        for service in try services() where service.isNamed(name) { return service }
        throw RPCError.notFound("there is no service \(name)")
    }

    /// `heroproc why`.
    func why(_ name: QualifiedName) throws(RPCError) -> JSONValue {
        try program.read(["why", name.description] + directoryOptions)
    }

    // MARK: Database

    /// Reads rows; nil before the first apply.
    func readRows<Value>(_ body: (StateReader) throws -> Value) throws(RPCError) -> Value? {
        do {
            try paths.checkDatabaseForReading()
            return try StateReader(path: paths.database).map(body)
        } catch let error as StoreError {
            throw RPCError(.internalError, error.message)
        } catch let error as LinuxError {
            throw RPCError(.internalError, error.description)
        } catch {
            throw RPCError(.internalError, "cannot read the database")
        }
    }

    // MARK: Manifests

    /// The options that select the services directory: the named one, that of the reconciler, that of the last revision,
    /// or the default one.
    ///
    /// None where the reconciler follows a git repository: heroproc then uses the newest fetched commit.
    var directoryOptions: [String] {
        if let namedDirectory { return ["--dir", namedDirectory] }
        if case .object = (try? status())?.document["git"] { return [] }
        if let holder = ReconcilerLock.holder(paths), !holder.directory.isEmpty { return ["--dir", holder.directory] }
        let last = try? readRows { try $0.revision()?.directory }
        if let last = last ?? nil, !last.isEmpty { return ["--dir", last] }
        return ["--dir", defaultDirectory]
    }

    /// Whether a reconciler is running.
    var hasReconciler: Bool { ReconcilerLock.holder(paths) != nil }
}

extension JSONValue {
    /// The items of an array member; empty for any other value.
    func items(_ key: String) -> [JSONValue] {
        guard case .array(let items) = self[key] else { return [] }
        return items
    }

    /// The text of a string member.
    func text(of key: String) -> String? {
        guard case .string(let text) = self[key] else { return nil }
        return text
    }

    /// The number of an integer member.
    func integer(of key: String) -> Int64? {
        guard case .integer(let number) = self[key] else { return nil }
        return number
    }

    /// Whether the members `context` and `name` are those of a qualified name.
    func isNamed(_ name: QualifiedName) -> Bool {
        self["context"] == .string(name.context) && self["name"] == .string(name.name)
    }

    /// `context/name` of its members.
    var qualifiedName: String { "\(text(of: "context") ?? "")/\(text(of: "name") ?? "")" }
}
