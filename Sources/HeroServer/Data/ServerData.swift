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

    /// A result that clients who ask at the same time share, so that the work does not grow with their number.
    private final class Shared<Value: Sendable>: Sendable {
        private struct Entry {
            var startedAt: Int64
            var result: Result<Value, RPCError>
        }

        private let entry = Mutex<Entry?>(nil)
        private let turn = WorkLimit(1)
        /// The age up to which a result is shared, in milliseconds.
        private let maximumAge: Int64

        init(maximumAge: Int64) { self.maximumAge = maximumAge }

        func value(_ read: () -> Result<Value, RPCError>) throws(RPCError) -> Value {
            let askedAt = Connection.now()
            return try turn.perform { () -> Result<Value, RPCError> in
                if let entry = entry.withLock({ $0 }), entry.startedAt >= askedAt - maximumAge { return entry.result }
                let startedAt = Connection.now()
                let result = read()
                entry.withLock { $0 = Entry(startedAt: startedAt, result: result) }
                return result
            }.get()
        }
    }

    let program: HeroprocProgram
    let paths: RuntimePaths
    let usageHistory = UsageHistory()
    /// The services directory of `--dir` or HEROPROC_DIR, absolute.
    private let namedDirectory: String?
    /// The directory that is used if neither a reconciler nor a revision names one.
    private let defaultDirectory: String
    private let sharedStatus = Shared<Status>(maximumAge: 100)
    private let sharedUsage = Shared<JSONValue>(maximumAge: 1000)

    init(_ program: HeroprocProgram, _ paths: RuntimePaths, namedDirectory: String?, defaultDirectory: String) {
        self.program = program
        self.paths = paths
        self.namedDirectory = namedDirectory
        self.defaultDirectory = defaultDirectory
    }

    // MARK: Status

    /// The status of all services.
    func status() throws(RPCError) -> Status { try sharedStatus.value { readStatus([]) } }

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

    // MARK: Processes

    /// What the processes of all services use: `heroproc stats`.
    func usage() throws(RPCError) -> JSONValue {
        try sharedUsage.value {
            do throws(RPCError) {
                return .success(try program.read(["stats"]))
            } catch {
                return .failure(error)
            }
        }
    }

    /// What the processes of one service or standalone action use.
    func usage(of name: QualifiedName) throws(RPCError) -> JSONValue {
        try program.read(["stats", name.description])
    }

    /// The processes of one service or standalone action: `heroproc tree --processes`.
    func processes(of name: QualifiedName) throws(RPCError) -> JSONValue {
        try program.read(["tree", name.description, "--processes"])
    }

    // MARK: Explanations

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
