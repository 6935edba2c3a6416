import CHeroLinux
import Glibc
import HeroLinux

/// The options of the server, as its program has parsed them.
public struct ServerOptions: Sendable {
    /// The addresses of `--listen`; empty for the default.
    public var listen: [String] = []
    /// The group whose members may change something.
    public var adminGroup: String?
    /// The group whose members may read.
    public var readGroup: String?
    /// The file with the token of admins.
    public var tokenFile: String?
    /// The file with the token of readers.
    public var readTokenFile: String?
    /// Whether every client only reads.
    public var isReadOnly = false
    /// The services directory.
    public var directory: String?
    /// The state directory.
    public var state: String?

    /// Creates options with default values.
    public init() {}
}

/// The server from its start to its end.
public enum ServerProgram {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - options: The options.
    ///   - environment: The environment of the process, which queries inherit.
    ///   - report: Receives one line of text for each address, and each warning.
    /// - Returns: the message and the help of the problem that prevents it; nil after a signal.
    public static func run(
        _ options: ServerOptions,
        environment: [String: String],
        report: (String) -> Void
    ) -> (message: String, help: String?)? {
        // Before the first thread, so that every thread inherits the mask.
        let signals = hl_signal_descriptor(0)
        do throws(ServerError) {
            guard signals >= 0 else { throw ServerError("cannot wait for signals") }
            try serve(options, environment, signals, report)
            return nil
        } catch {
            return (error.message, error.help)
        }
    }

    private static func serve(
        _ options: ServerOptions,
        _ environment: [String: String],
        _ signals: Int32,
        _ report: (String) -> Void
    ) throws(ServerError) {
        let state = nonEmpty(options.state) ?? nonEmpty(environment["HEROPROC_STATE"])
        let paths = RuntimePaths.resolve(
            state: state ?? DefaultDirectories.state(environment),
            environment: environment
        )
        let policy = try makePolicy(options)
        let addresses = try addresses(options, paths, environment)
        try checkReachability(addresses, policy, options)
        let hasGroups = policy.adminGroup != nil || policy.readGroup != nil
        var listeners: [Listener] = []
        do throws(ServerError) {
            for address in addresses { listeners.append(try Listener(address, isOpenToAll: hasGroups)) }
            let data = try makeData(options, paths, environment)
            data.usageHistory.start(data)
            let router = Router(data)
            let limits = ConnectionLimits(maximum: maximumConnections())
            for listener in listeners { report("listening on \(listener.address.url ?? listener.address.description)") }
            let server = Server(listeners, policy, limits: limits) { router.respond($0, $1) }
            server.run(signals: signals)
        } catch {
            for listener in listeners { listener.removeSocketFile() }
            throw error
        }
    }

    private static func nonEmpty(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

    private static func makePolicy(_ options: ServerOptions) throws(ServerError) -> AccessPolicy {
        var policy = AccessPolicy(owner: geteuid())
        policy.adminGroup = try options.adminGroup.map { (name) throws(ServerError) in try group(name) }
        policy.readGroup = try options.readGroup.map { (name) throws(ServerError) in try group(name) }
        policy.adminToken = try options.tokenFile.map { (path) throws(ServerError) in try token(path) }
        policy.readToken = try options.readTokenFile.map { (path) throws(ServerError) in try token(path) }
        policy.isReadOnly = options.isReadOnly
        return policy
    }

    private static func group(_ name: String) throws(ServerError) -> UInt32 {
        var number: UInt32 = 0
        guard hl_group_number(name, &number) == 1 else { throw ServerError("there is no group \(name)") }
        return number
    }

    private static func token(_ path: String) throws(ServerError) -> AccessToken {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ServerError("cannot read the token file \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var file = stat()
        guard fstat(descriptor, &file) == 0, file.st_mode & S_IFMT == S_IFREG else {
            throw ServerError("cannot read the token file \(path): it is not a regular file")
        }
        guard file.st_mode & 0o007 == 0 else {
            throw ServerError(
                "every user can access the token file \(path)",
                help: "make it private: `chmod 600 \(path)`"
            )
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        guard let token = AccessToken(fileContent: Array(bytes.prefix(max(0, count)))) else {
            throw ServerError("the token file \(path) must contain one line of printable characters")
        }
        return token
    }

    /// The addresses of `--listen`, or the default ones.
    private static func addresses(
        _ options: ServerOptions,
        _ paths: RuntimePaths,
        _ environment: [String: String]
    ) throws(ServerError) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        for text in options.listen {
            addresses.append(try text == "unix:" ? defaultAddress(paths) : ListenAddress(text))
        }
        if addresses.isEmpty {
            addresses.append(try defaultAddress(paths))
            if let folder = nonEmpty(environment["HERO_SOCKET_DIR"]) {
                mkdir("\(folder)/hero_proc", 0o755)
                addresses.append(try ListenAddress("unix:\(folder)/hero_proc/rpc.sock"))
            }
        }
        for address in addresses {
            guard case .tcp = address, options.tokenFile == nil, options.readTokenFile == nil else { continue }
            throw ServerError(
                "cannot listen on \(address): a TCP port needs a token, because every user can connect to it",
                help: "write a secret to a file and add --token-file FILE or --read-token-file FILE"
            )
        }
        return addresses
    }

    /// The socket in the run directory.
    private static func defaultAddress(_ paths: RuntimePaths) throws(ServerError) -> ListenAddress {
        do throws(LinuxError) {
            try paths.makeRunDirectories()
        } catch {
            throw ServerError(error.description)
        }
        return try ListenAddress("unix:\(paths.run)/api.sock")
    }

    /// Refuses a group that cannot reach a socket.
    private static func checkReachability(
        _ addresses: [ListenAddress],
        _ policy: AccessPolicy,
        _ options: ServerOptions
    ) throws(ServerError) {
        for (name, group) in [(options.adminGroup, policy.adminGroup), (options.readGroup, policy.readGroup)] {
            guard let name, let group else { continue }
            for case .unix(let path) in addresses {
                guard let closed = SocketDirectories.firstClosed(on: path, to: group) else { continue }
                throw ServerError(
                    "the group \(name) cannot reach unix:\(path): it may not enter \(closed)",
                    help: "choose another place with `--listen unix:PATH`, or permit the group to enter the directory"
                )
            }
        }
    }

    private static func makeData(
        _ options: ServerOptions,
        _ paths: RuntimePaths,
        _ environment: [String: String]
    ) throws(ServerError) -> ServerData {
        let own = "/proc/self/exe"
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink(own, &buffer, Int(PATH_MAX))
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let program = path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/heroproc"
        guard access(program, X_OK) == 0 else {
            throw ServerError("cannot find heroproc in the directory of this program: \(program)")
        }
        let named = nonEmpty(options.directory) ?? nonEmpty(environment["HEROPROC_DIR"])
        return ServerData(
            HeroprocProgram(
                path: program,
                state: paths.namedState,
                environment: environment.map { "\($0.key)=\($0.value)" }
            ),
            paths,
            namedDirectory: named.map(ManifestFiles.absoluteDirectory),
            defaultDirectory: ManifestFiles.absoluteDirectory(DefaultDirectories.services(environment))
        )
    }

    /// 1,000 connections, or fewer if this process may not open so many files.
    private static func maximumConnections() -> Int {
        var before: UInt = 0
        _ = hl_raise_open_file_limit(&before)
        let available = hl_available_descriptors()
        // A query needs a few descriptors in addition to the connection.
        return max(4, min(1000, available - 64))
    }
}

/// The directories on the path of a socket.
enum SocketDirectories {
    /// The first directory that members of a group may not enter; nil if they reach the socket.
    static func firstClosed(on path: String, to group: UInt32) -> String? {
        var folder = "/"
        for part in path.split(separator: "/").dropLast() {
            folder += (folder == "/" ? "" : "/") + part
            var entry = stat()
            guard stat(folder, &entry) == 0 else { return folder }
            let isOpen = entry.st_mode & 0o001 != 0 || (entry.st_gid == group && entry.st_mode & 0o010 != 0)
            if !isOpen { return folder }
        }
        return nil
    }
}
