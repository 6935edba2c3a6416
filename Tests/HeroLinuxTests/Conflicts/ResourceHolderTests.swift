import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

private let isRoot = geteuid() == 0
private let needsRoot = Comment("creating namespaces needs root")

/// Unusual holders of ports and sockets: several, hidden ones, and those in other namespaces.
@Suite(.ownThread) struct ResourceHolderTests {
    private func scan(
        ports: [UInt16] = [],
        sockets: [String] = [],
        shares: Bool = false,
        asOurselves: Bool = true
    ) -> StartBlockers {
        var request = BlockerScanRequest(ports: ports.map { BoundPort(port: $0, isShared: shares) }, sockets: sockets)
        request.bindsAsOwnUser = asOurselves
        return request.scanOnce()
    }

    private func bind(_ port: UInt16, shares: Bool = true, listens: Bool = true) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var value: Int32 = shares ? 1 : 0
        let sharePort: Int32 = 15  // SO_REUSEPORT
        try #require(setsockopt(descriptor, SOL_SOCKET, sharePort, &value, socklen_t(MemoryLayout<Int32>.size)) == 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = port.bigEndian
        // A child that another test starts has a copy of a closed socket until it executes its program.
        let isBound = waitUntil {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
        try #require(isBound && (!listens || listen(descriptor, 4) == 0))
        return descriptor
    }

    @Test("Every holder of a port shared with SO_REUSEPORT is found (TP-4)")
    func sharedPort() throws {
        // The port was free a moment ago and is not assigned again so soon.
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let helpers = try (0..<3).map { _ in try HelperProcess.holding(bind(port)) }
        let found = scan(ports: [port])
        #expect(Set(found.holders.compactMap(\.process?.identity.pid)) == Set(helpers.map(\.pid)))
        #expect(found.holders.allSatisfy { $0.process?.protection == nil && !$0.isShared })
        // Another socket can be bound if it shares the port too.
        let shared = scan(ports: [port], shares: true)
        #expect(shared.holders.count == 3 && shared.holders.allSatisfy { $0.isShared } && shared.unresolved.isEmpty)
        for helper in helpers { helper.reap() }
        #expect(scan(ports: [port]) == StartBlockers())
        #expect(scan(ports: [port], shares: true) == StartBlockers())
    }

    @Test("A port of a listener without SO_REUSEPORT cannot be shared by the own user (TP-4)")
    func unsharedPort() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let helper = try HelperProcess.holding(bind(port, shares: false))
        let found = scan(ports: [port], shares: true)
        #expect(found.holders.map(\.process?.identity.pid) == [helper.pid])
        #expect(found.holders.allSatisfy { !$0.isShared })
        // Nothing is known about sockets of another user, so the program has to try.
        let other = scan(ports: [port], shares: true, asOurselves: false)
        #expect(other.holders.map(\.process?.identity.pid) == [helper.pid])
        #expect(other.holders.allSatisfy { $0.isShared })
        helper.reap()
    }

    @Test("A bound socket blocks a shared port only if it does not share it (TP-2, TP-4)")
    func boundBefore() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let member = try bind(port, listens: false)
        #expect(scan(ports: [port], shares: true) == StartBlockers())
        #expect(scan(ports: [port]).unresolved.count == 1)
        close(member)
        let helper = try bind(port, shares: false, listens: false)
        #expect(scan(ports: [port], shares: true).unresolved.count == 1)
        close(helper)
    }

    @Test("A listener that is passed between processes has no visible holder (TP-3)")
    func passedListener() throws {
        let (listener, port) = try boundPort()
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
        #expect(send(listener, over: pair[0]))
        close(listener)
        let found = scan(ports: [port])
        // The kernel still knows the user who created the socket.
        #expect(found.holders == [ResourceHolder(.tcp(TCPEndpoint(port: port)), by: nil, socketUser: geteuid())])
        close(pair[0])
        close(pair[1])
        // A child of another test may have copies of the descriptors until it executes its program.
        #expect(waitUntil { scan(ports: [port]) == StartBlockers() })
    }

    @Test("A process is not stopped for a port or socket of another user", .enabled(if: isRoot, needsRoot))
    func socketOfAnotherUser() throws {
        let (listener, port) = try boundPort()
        let helper = try HelperProcess.holding(listener)
        let own = try #require(scan(ports: [port]).holders.first)
        #expect(own.process?.identity.pid == helper.pid && own.socketUser == 0 && own.passedSocketReason == nil)

        // The owner of a socket is the user that created it, until a process of root changes that.
        let (passed, passedPort) = try boundPort()
        try #require(fchown(passed, 65_534, gid_t.max) == 0)
        let receiver = try HelperProcess.holding(passed)
        let foreign = try #require(scan(ports: [passedPort]).holders.first)
        #expect(foreign.process?.identity.pid == receiver.pid && foreign.socketUser == 65_534)
        #expect(foreign.passedSocketReason?.contains("user 65534 created this socket") == true)
        for process in [helper, receiver] { process.reap() }
    }

    /// Sends a descriptor over a socket, so that it is open in no process.
    private func send(_ descriptor: Int32, over socket: Int32) -> Bool {
        var word: UInt8 = 1
        // A cmsghdr of 16 bytes (SOL_SOCKET, SCM_RIGHTS) and one int, padded to 8.
        var control = [UInt8](repeating: 0, count: 24)
        control.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: 20, as: Int.self)
            bytes.storeBytes(of: Int32(SOL_SOCKET), toByteOffset: 8, as: Int32.self)
            bytes.storeBytes(of: 1, toByteOffset: 12, as: Int32.self)
            bytes.storeBytes(of: descriptor, toByteOffset: 16, as: Int32.self)
        }
        return withUnsafeMutableBytes(of: &word) { word in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: word.baseAddress, iov_len: 1)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(socket, &message, 0) == 1
                }
            }
        }
    }

    @Test("A listener in another network namespace does not block a port (TP-5)", .enabled(if: isRoot, needsRoot))
    func otherNetwork() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let sandbox = try Sandbox()
        let helper = try HelperProcess(
            [
                "/usr/bin/unshare", "-n", "/bin/sh", "-c",
                "ip link set lo up; exec \(shellQuoted(try oracle())) listen \(port)",
            ],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ORACLE_DIR": sandbox.folder]
        )
        #expect(waitUntil { readText(sandbox.folder + "/_._.trace")?.contains("LISTEN") ?? false })
        #expect(scan(ports: [port]) == StartBlockers())
        helper.reap()
    }

    @Test(
        "A bound socket of another network namespace is not stale before it listens (SK-3)",
        .enabled(if: isRoot, needsRoot)
    )
    func boundElsewhere() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let helper = try HelperProcess(
            ["/usr/bin/unshare", "-n", try oracle(), "bind-unix", path, "1200"],
            environment: ["ORACLE_DIR": sandbox.folder]
        )
        #expect(waitUntil { access(path, F_OK) == 0 })
        var scanner = BlockerScanner()
        let request = BlockerScanRequest(sockets: [path])
        // The file must not be stale until the program listens, and a while longer.
        var scans = 0
        let isListening = waitUntil {
            let found = scanner.scan(request, now: Moment(nanoseconds: hl_boot_clock()))
            #expect(found.staleSockets.isEmpty, "\(found)")
            #expect(!found.unresolved.isEmpty || !found.holders.isEmpty)
            scans += 1
            return readText(sandbox.folder + "/_._.trace")?.contains("LISTEN") ?? false
        }
        #expect(isListening && scans > 10)
        #expect(scanner.scan(request, now: Moment(nanoseconds: hl_boot_clock())).staleSockets.isEmpty)
        helper.reap()
    }

    @Test("A holder in another PID namespace is protected as a container (RC-2)", .enabled(if: isRoot, needsRoot))
    func container() throws {
        let (descriptor, port) = try boundPort()
        let unshare = try HelperProcess(["/usr/bin/unshare", "-pf", "/bin/sleep", "600"], holding: [descriptor])
        close(descriptor)
        let isThere = waitUntil {
            scan(ports: [port]).holders.contains { $0.process?.protection == .container }
        }
        #expect(isThere)
        let inside = ProcessTable.children(of: unshare.pid)
        #expect(inside.count == 1)
        let held = scan(ports: [port]).holders.first { $0.process?.identity.pid == inside.first }
        #expect(held?.process?.protectionReason == "it runs in a container")
        for pid in inside { kill(pid, SIGKILL) }
        unshare.reap()
    }

    @Test(
        "The name of a program protects port forwarders, but no program named hpshim (RC-2)",
        arguments: [("docker-proxy", Protection.portForwarder), ("rootlessport", .portForwarder), ("hpshim", nil)]
    )
    func protectedNames(_ name: String, _ protection: Protection?) throws {
        let sandbox = try Sandbox()
        let path = "\(sandbox.folder)/\(name)"
        // Copied by another process: a child that another test forks meanwhile would keep the file open for writing.
        try HelperProcess(["/bin/cp", "/bin/sleep", path]).finish()
        let (descriptor, port) = try boundPort()
        let helper = try HelperProcess([path, "600"], holding: [descriptor])
        close(descriptor)
        #expect(waitUntil { ProcessInspector.programPath(of: helper.pid) == path })
        let process = try #require(scan(ports: [port]).holders.first?.process)
        #expect(process.protection == protection && process.protectionReason == protection?.reason)
        helper.reap()
    }

    @Test("A holder that is a job of heroproc is protected and named (TP-6, RC-2)")
    func jobHolder() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let (descriptor, port) = try boundPort()
        close(descriptor)
        let request = sandbox.request(7, [try oracle(), "listen", "\(port)"])
        var other = request
        other.environment.append(.texts(["ORACLE_DIR": sandbox.folder]))
        kernel.launch(other)
        _ = try kernel.awaitStart(7)
        #expect(waitUntil { !scan(ports: [port]).holders.isEmpty })
        let process = try #require(scan(ports: [port]).holders.first?.process)
        #expect(process.protection == .job)
        #expect(process.protectionReason == "it is the job core/test.7 #7 of heroproc")
        kernel.killTree(request.start)
        _ = try kernel.awaitEnd(7)
    }

    // MARK: Unix sockets

    /// A Unix socket of a type, bound to a path.
    private func bound(_ path: String, _ type: Int32) throws -> Int32 {
        let descriptor = socket(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count + 1)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, size) }
        }
        try #require(result == 0)
        return descriptor
    }

    private static let types: [(String, Int32)] = [("stream", 1), ("datagram", 2), ("seqpacket", 5)]

    @Test("The holder of a socket of any type is found, even a stopped one (SK-1, SK-2)")
    func types() throws {
        for (name, type) in Self.types {
            let sandbox = try Sandbox()
            let path = "\(sandbox.folder)/\(name).sock"
            let helper = try HelperProcess.holding(bound(path, type))
            kill(helper.pid, SIGSTOP)
            let found = scan(sockets: [path])
            #expect(found.holders.map(\.process?.identity.pid) == [helper.pid], "\(name)")
            #expect(found.staleSockets.isEmpty && found.unresolved.isEmpty)
            helper.reap()
            #expect(scan(sockets: [path]).holders.isEmpty)
        }
    }

    @Test("All workers that share a socket bound by a relative name are found (SK-1)")
    func workers() throws {
        let sandbox = try Sandbox()
        let helper = try HelperProcess(
            ["/bin/sh", "-c", "cd \(sandbox.folder); exec \(shellQuoted(try oracle())) listen-unix web.sock fork 4"],
            environment: ["ORACLE_DIR": sandbox.folder]
        )
        func holders() -> [Int32] {
            scan(sockets: [sandbox.folder + "/web.sock"]).holders.compactMap(\.process?.identity.pid)
        }
        #expect(waitUntil { holders().count == 5 })
        #expect(holders().contains(helper.pid))
        for pid in holders() where pid != helper.pid { kill(pid, SIGKILL) }
        helper.reap()
    }

    @Test("Of two sockets bound to one path, the current socket file decides the holder (SK-1)")
    func replacedHolder() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let former = try HelperProcess.holding(bound(path, 1))
        unlink(path)
        let latter = try HelperProcess.holding(bound(path, 1))
        #expect(scan(sockets: [path]).holders.map(\.process?.identity.pid) == [latter.pid])
        former.reap()
        latter.reap()
    }

    /// The workload program of the end-to-end tests.
    private func oracle() throws -> String {
        let shim = try Shim.find()
        return (shim.lastIndex(of: "/").map { String(shim[..<$0]) } ?? "") + "/hporacle"
    }
}
