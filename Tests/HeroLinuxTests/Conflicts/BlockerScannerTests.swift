import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// What is seen of those who stand in the way: real sockets, real processes, nobody signalled.
@Suite struct BlockerScannerTests {
    private func scan(
        ports: [TCPEndpoint] = [],
        sockets: [String] = [],
        pidFile: String? = nil,
        program: String = "",
        recorded: ProcessIdentity? = nil
    ) -> StartBlockers {
        BlockerScanRequest(
            ports: ports.map { BoundPort($0) },
            sockets: sockets,
            pidFile: pidFile,
            program: program,
            recorded: recorded
        )
        .scanOnce()
    }

    @Test("TP-1: a listener is found with its process, a port nobody uses is free")
    func listener() throws {
        let (descriptor, port) = try boundPort()
        let stranger = try HelperProcess.holding(descriptor)
        let endpoint = TCPEndpoint(port: port)
        let found = scan(ports: [endpoint], program: "/bin/sleep")
        #expect(found.holders.map(\.process?.identity.pid) == [stranger.pid])
        #expect(found.holders.first?.resource == .tcp(endpoint))
        #expect(found.holders.first?.process?.protection == nil)
        #expect(found.holders.first?.runsProgram == true)
        stranger.reap()
        #expect(scan(ports: [endpoint]) == StartBlockers())
    }

    @Test("TP-1: a client on the port is no holder")
    func client() throws {
        let (descriptor, port) = try boundPort()
        var pending: Int32 = 0
        let connection = hl_connect_tcp(4, [127, 0, 0, 1], Int32(port), &pending)
        #expect(connection >= 0)
        let client = try HelperProcess.holding(connection)
        let holders = scan(ports: [TCPEndpoint(port: port)]).holders
        #expect(holders.map(\.process?.identity.pid) == [getpid()])
        #expect(holders.first?.process?.protection == .reconciler)
        close(descriptor)
        client.reap()
    }

    @Test(
        "TP-1: who blocks whom",
        arguments: [
            ("4 0.0.0.0", "", true), ("4 0.0.0.0", "127.0.0.1:", true), ("4 0.0.0.0", "[::1]:", false),
            ("4 127.0.0.1", "", true), ("4 127.0.0.1", "127.0.0.1:", true), ("4 127.0.0.1", "127.0.0.2:", false),
            ("4 127.0.0.1", "0.0.0.0:", true), ("4 127.0.0.1", "[::1]:", false), ("4 127.0.0.1", "[::]:", true),
            ("6 ::", "", true), ("6 ::", "127.0.0.1:", true), ("6 ::", "[::1]:", true),
            ("6 :: only", "0.0.0.0:", false),
            ("6 :: only", "[::1]:", true), ("6 ::1", "127.0.0.1:", false), ("6 ::1", "[::1]:", true),
            ("6 ::1", "localhost:", false), ("4 127.0.0.1", "localhost:", true),
        ]
    )
    func matrix(_ holder: String, _ wanted: String, _ isBlocked: Bool) throws {
        var listener = hl_listener()
        let words = holder.split(separator: " ")
        listener.family = UInt32(words[0]) ?? 0
        listener.port = 8080
        listener.is_v6_only = words.count == 3 ? 1 : 0
        var address = [UInt8](repeating: 0, count: 16)
        #expect(hl_parse_address(String(words[1]), &address) != 0)
        withUnsafeMutableBytes(of: &listener.address) { $0.copyBytes(from: address) }
        let endpoint = try #require(TCPEndpoint("\(wanted)8080"))
        #expect(BlockerScanner.conflicts(listener, endpoint) == isBlocked)
        listener.port = 8081
        #expect(!BlockerScanner.conflicts(listener, endpoint))
    }

    @Test("TP-2: a socket that is bound and does not listen is in the way, and is nobody's fault")
    func boundOnly() throws {
        let (descriptor, port) = try boundPort("0.0.0.0", listens: false)
        defer { close(descriptor) }
        let found = scan(ports: [TCPEndpoint(port: port)])
        #expect(found.holders.isEmpty)
        #expect(
            found.unresolved
                == ["tcp \(port) is in use by a socket that does not listen; it is asked again until it is free"]
        )
    }

    @Test("SK-1: the listener of a socket is found, also bound and not listening, also renamed")
    func socketHolder() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let stranger = try HelperProcess.holding(try #require(Self.bind(path)))
        #expect(scan(sockets: [path]).holders.map(\.process?.identity.pid) == [stranger.pid])
        rename(path, path + ".moved")
        #expect(scan(sockets: [path]) == StartBlockers())
        #expect(scan(sockets: [path + ".moved"]).holders.map(\.process?.identity.pid) == [stranger.pid])
        stranger.reap()
        #expect(scan(sockets: [path + ".moved"]).holders.isEmpty)
    }

    @Test("SK-6: an abstract socket has a holder, and no file")
    func abstract() throws {
        let name = "@heroproc-test-\(getpid())-\(hl_random())"
        let stranger = try HelperProcess.holding(try #require(Self.bind(name)))
        #expect(scan(sockets: [name]).holders.map(\.process?.identity.pid) == [stranger.pid])
        stranger.reap()
        #expect(scan(sockets: [name]) == StartBlockers())
    }

    @Test("SK-2: a socket nobody holds is stale; what is no socket is never touched")
    func stale() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        close(try #require(Self.bind(path)))
        var obstruction = BlockerScanner()
        let order = BlockerScanRequest(sockets: [path])
        var now = Moment(nanoseconds: hl_boot_clock())
        var found = obstruction.scan(order, now: now)
        // Where other network namespaces live on this machine it is asked twice, and only once it is two seconds old.
        if found.staleSockets.isEmpty {
            now = now + .milliseconds(600)
            #expect(eventually { !obstruction.scan(order, now: now).staleSockets.isEmpty })
            found = obstruction.scan(order, now: now)
        }
        let file = try #require(found.staleSockets.first)
        #expect(file.path == path && found.unresolved.isEmpty)
        #expect(StaleSocketRemoval.remove(file))
        #expect(access(path, F_OK) != 0)
        #expect(listDirectory(sandbox.folder)?.contains { $0.contains(".hp-") } == false)

        try sandbox.write("web.sock", "mine")
        #expect(scan(sockets: [path]).unresolved == ["\(path) is no socket; move it away, or declare another path"])
        #expect(readText(path) == "mine")
    }

    @Test("SK-4: a socket that was bound anew after it was judged stays, with its listener")
    func rebound() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        close(try #require(Self.bind(path)))
        var entry = hl_file_identity()
        #expect(hl_identify_file(AT_FDCWD, path, &entry) == 0)
        let judged = SocketFile(
            path: path,
            device: UInt64(entry.device),
            inode: UInt64(entry.inode),
            bornAt: entry.created_at
        )
        unlink(path)
        let listener = hl_listen_unix(path)
        defer { close(listener) }
        #expect(!StaleSocketRemoval.remove(judged))
        var pending: Int32 = 0
        let connection = hl_connect_unix(path, &pending)
        #expect(connection >= 0)
        close(connection)
    }

    @Test("PF-2: a PID file that names a living process comes with its evidence")
    func pidFile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.pid"
        let (descriptor, port) = try boundPort()
        let stranger = try HelperProcess.holding(descriptor)
        try sandbox.write("web.pid", "\(stranger.pid)\n")
        let identity = try #require(ProcessTable.identify(stranger.pid)?.identity)
        func evidence(_ obstacles: StartBlockers) -> PIDFileState.Evidence? {
            guard case .namesProcess(let process, path, let evidence) = obstacles.pidFile, process.identity == identity
            else {
                return nil
            }
            return evidence
        }
        #expect(evidence(scan(pidFile: path)) == .init(isOwnerTrusted: true))
        #expect(evidence(scan(pidFile: path, recorded: identity)) == .init(isOwnerTrusted: true, isRecorded: true))
        #expect(
            evidence(scan(pidFile: path, program: "/bin/sleep")) == .init(isOwnerTrusted: true, runsProgram: true)
        )
        #expect(
            evidence(scan(ports: [TCPEndpoint(port: port)], pidFile: path))
                == .init(isOwnerTrusted: true, holdsResource: true)
        )
        stranger.reap()
        #expect(scan(pidFile: path).pidFile == .stale("\(path) names process \(stranger.pid), which does not live"))
    }

    @Test("RC-2: pid 1, those above us and ourselves are protected")
    func protection() {
        let foreigners = ProcessInspector()
        #expect(foreigners.inspect(1)?.protection == .pidOne)
        #expect(foreigners.inspect(getpid())?.protection == .reconciler)
        if getppid() > 1 { #expect(foreigners.inspect(getppid())?.protection == .ancestor) }
    }

    /// A bound stream socket that does not listen.
    private static func bind(_ path: String) -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let isAbstract = path.hasPrefix("@")
        let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, size) }
        }
        return result == 0 ? descriptor : nil
    }
}
