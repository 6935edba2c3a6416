import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// Blockers found on this machine, with real sockets and processes; no process is signalled.
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

    /// Waits until a scan finds one holder.
    ///
    /// A child of another test has all descriptors of this process until it executes its program.
    private func expectOneHolder(_ pid: pid_t, _ scan: () -> StartBlockers) async throws {
        try await eventually("pid \(pid) is the only holder") {
            scan().holders.map(\.process?.identity.pid) == [pid]
        }
    }

    @Test("A listener is found with its process, and an unused port is free (TP-1)")
    func listener() async throws {
        let (descriptor, port) = try boundPort()
        let helper = try HelperProcess.holding(descriptor)
        let endpoint = TCPEndpoint(port: port)
        try await expectOneHolder(helper.pid) { scan(ports: [endpoint]) }
        let found = scan(ports: [endpoint], program: "/bin/sleep")
        #expect(found.holders.first?.resource == .tcp(endpoint))
        #expect(found.holders.first?.process?.protection == nil)
        #expect(found.holders.first?.runsProgram == true)
        helper.reap()
        #expect(scan(ports: [endpoint]) == StartBlockers())
    }

    @Test("A client of a port does not count as its holder (TP-1)")
    func client() async throws {
        let (descriptor, port) = try boundPort()
        var pending: Int32 = 0
        let connection = hl_connect_tcp(4, [127, 0, 0, 1], Int32(port), &pending)
        #expect(connection >= 0)
        let client = try HelperProcess.holding(connection)
        try await expectOneHolder(getpid()) { scan(ports: [TCPEndpoint(port: port)]) }
        let holders = scan(ports: [TCPEndpoint(port: port)]).holders
        #expect(holders.first?.process?.protection == .reconciler)
        close(descriptor)
        client.reap()
    }

    @Test(
        "A listener blocks an endpoint as the table of addresses shows (TP-1)",
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
    func addressMatrix(_ holder: String, _ wanted: String, _ isBlocked: Bool) throws {
        var listener = hl_listener()
        let arguments = holder.split(separator: " ")
        listener.family = UInt32(arguments[0]) ?? 0
        listener.port = 8080
        listener.is_v6_only = arguments.count == 3 ? 1 : 0
        var address = [UInt8](repeating: 0, count: 16)
        #expect(hl_parse_address(String(arguments[1]), &address) != 0)
        withUnsafeMutableBytes(of: &listener.address) { $0.copyBytes(from: address) }
        let endpoint = try #require(TCPEndpoint("\(wanted)8080"))
        #expect(ListenerTable.blocks(listener, endpoint) == isBlocked)
        listener.port = 8081
        #expect(!ListenerTable.blocks(listener, endpoint))
    }

    @Test("A bound socket that does not listen blocks a port and has no holder (TP-2)")
    func boundOnly() throws {
        let (descriptor, port) = try boundPort("0.0.0.0", listens: false)
        defer { close(descriptor) }
        let found = scan(ports: [TCPEndpoint(port: port)])
        #expect(found.holders.isEmpty)
        #expect(
            found.unresolved
                == ["tcp \(port) is in use by a socket that does not listen; heroproc checks it again until it is free"]
        )
    }

    @Test("The holder of a socket file is found before it listens and after a rename (SK-1)")
    func socketHolder() async throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let helper = try HelperProcess.holding(try #require(Self.bind(path)))
        try await expectOneHolder(helper.pid) { scan(sockets: [path]) }
        rename(path, path + ".moved")
        #expect(scan(sockets: [path]) == StartBlockers())
        try await expectOneHolder(helper.pid) { scan(sockets: [path + ".moved"]) }
        helper.reap()
        #expect(scan(sockets: [path + ".moved"]).holders.isEmpty)
    }

    @Test("The holder of an abstract socket is found (SK-6)")
    func abstract() async throws {
        let name = "@heroproc-test-\(getpid())-\(hl_random())"
        let helper = try HelperProcess.holding(try #require(Self.bind(name)))
        try await expectOneHolder(helper.pid) { scan(sockets: [name]) }
        helper.reap()
        #expect(scan(sockets: [name]) == StartBlockers())
    }

    @Test("A socket file without a holder is stale, and other files are never removed (SK-2)")
    func stale() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        close(try #require(Self.bind(path)))
        var scanner = BlockerScanner()
        let request = BlockerScanRequest(sockets: [path])
        var now = Moment(nanoseconds: hl_boot_clock())
        var found = scanner.scan(request, now: now)
        // With other network namespaces on this machine, two refusals and an age of two seconds are needed.
        if found.staleSockets.isEmpty {
            now = now + .milliseconds(600)
            #expect(waitUntil { !scanner.scan(request, now: now).staleSockets.isEmpty })
            found = scanner.scan(request, now: now)
        }
        let file = try #require(found.staleSockets.first)
        #expect(file.path == path && found.unresolved.isEmpty)
        #expect(StaleFileRemoval.remove(file))
        #expect(access(path, F_OK) != 0)
        #expect(listDirectory(sandbox.folder)?.contains { $0.contains(".hp-") } == false)

        try sandbox.write("web.sock", "mine")
        #expect(scan(sockets: [path]).unresolved == ["\(path) is not a socket; move it, or declare another path"])
        #expect(readText(path) == "mine")
    }

    @Test("A socket file that was replaced after the check is not removed (SK-4)")
    func replacedSocket() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        close(try #require(Self.bind(path)))
        var entry = hl_file_identity()
        #expect(hl_identify_file(AT_FDCWD, path, &entry) == 0)
        let checked = SocketFile(
            path: path,
            device: UInt64(entry.device),
            inode: UInt64(entry.inode),
            bornAt: entry.created_at
        )
        unlink(path)
        let listener = hl_listen_unix(path)
        defer { close(listener) }
        #expect(!StaleFileRemoval.remove(checked))
        var pending: Int32 = 0
        let connection = hl_connect_unix(path, &pending)
        #expect(connection >= 0)
        close(connection)
    }

    @Test("A PID file that names a running process is returned with its evidence (PF-2)")
    func pidFile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.pid"
        let (descriptor, port) = try boundPort()
        let helper = try HelperProcess.holding(descriptor)
        try sandbox.write("web.pid", "\(helper.pid)\n")
        let identity = try #require(ProcessTable.identify(helper.pid)?.identity)
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
        helper.reap()
        #expect(scan(pidFile: path).pidFile == .stale("\(path) names process \(helper.pid), which is not running"))
    }

    @Test("PID 1, the reconciler and its ancestors are protected (RC-2)")
    func protection() {
        let inspector = ProcessInspector()
        #expect(inspector.inspect(1)?.protection == .pidOne)
        #expect(inspector.inspect(getpid())?.protection == .reconciler)
        if getppid() > 1 { #expect(inspector.inspect(getppid())?.protection == .ancestor) }
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
