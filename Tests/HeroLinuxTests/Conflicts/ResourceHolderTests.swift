import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

private let isRoot = geteuid() == 0
private let needsRoot = Comment("namespaces of one's own need root")

/// Holders of a port or a socket that are not what they seem: several, none, elsewhere, or standing for somebody else.
@Suite(.ownThread) struct ResourceHolderTests {
    private func scan(
        ports: [UInt16] = [],
        sockets: [String] = [],
        shares: Bool = false,
        asOurselves: Bool = true
    ) -> StartBlockers {
        var order = BlockerScanRequest(ports: ports.map { BoundPort(port: $0, isShared: shares) }, sockets: sockets)
        order.bindsAsOwnUser = asOurselves
        return order.scanOnce()
    }

    private func bind(_ port: UInt16, shares: Bool = true, listens: Bool = true) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var value: Int32 = shares ? 1 : 0
        let sharePort: Int32 = 15  // SO_REUSEPORT
        try #require(setsockopt(descriptor, SOL_SOCKET, sharePort, &value, socklen_t(MemoryLayout<Int32>.size)) == 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        place.sin_port = port.bigEndian
        // What another test starts has a copy of a socket that was closed here until it executes.
        let isBound = eventually {
            withUnsafePointer(to: &place) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
        try #require(isBound && (!listens || listen(descriptor, 4) == 0))
        return descriptor
    }

    @Test("TP-4: of a port that several share (SO_REUSEPORT) each one is found")
    func shared() throws {
        // Free a moment ago, and nobody takes a number twice in so short a time.
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let strangers = try (0..<3).map { _ in try HelperProcess.holding(bind(port)) }
        let found = scan(ports: [port])
        #expect(Set(found.holders.compactMap(\.process?.identity.pid)) == Set(strangers.map(\.pid)))
        #expect(found.holders.allSatisfy { $0.process?.protection == nil && !$0.isShared })
        // Beside them there is room for one more who declares that he shares it.
        let shared = scan(ports: [port], shares: true)
        #expect(shared.holders.count == 3 && shared.holders.allSatisfy { $0.isShared } && shared.unresolved.isEmpty)
        for stranger in strangers { stranger.reap() }
        #expect(scan(ports: [port]) == StartBlockers())
        #expect(scan(ports: [port], shares: true) == StartBlockers())
    }

    @Test("TP-4: beside a listener without SO_REUSEPORT there is no room, as far as heroproc's own user can tell")
    func unshared() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let stranger = try HelperProcess.holding(bind(port, shares: false))
        let found = scan(ports: [port], shares: true)
        #expect(found.holders.map(\.process?.identity.pid) == [stranger.pid])
        #expect(found.holders.allSatisfy { !$0.isShared })
        // Of what another user's sockets would be given nothing is known: the program finds out by itself.
        let other = scan(ports: [port], shares: true, asOurselves: false)
        #expect(other.holders.map(\.process?.identity.pid) == [stranger.pid])
        #expect(other.holders.allSatisfy { $0.isShared })
        stranger.reap()
    }

    @Test("TP-2, TP-4: one of the group that is bound and does not listen yet is in nobody's way; a stranger so is")
    func boundBefore() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let member = try bind(port, listens: false)
        #expect(scan(ports: [port], shares: true) == StartBlockers())
        #expect(scan(ports: [port]).unresolved.count == 1)
        close(member)
        let stranger = try bind(port, shares: false, listens: false)
        #expect(scan(ports: [port], shares: true).unresolved.count == 1)
        close(stranger)
    }

    @Test("TP-3: a listener on its way between two processes has no holder that can be seen, and nobody is blamed")
    func parked() throws {
        let (listener, port) = try boundPort()
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
        #expect(send(listener, over: pair[0]))
        close(listener)
        let found = scan(ports: [port])
        #expect(found.holders == [ResourceHolder(.tcp(TCPEndpoint(port: port)), by: nil)])
        close(pair[0])
        close(pair[1])
        #expect(scan(ports: [port]) == StartBlockers())
    }

    /// Puts a descriptor into the queue of a socket, where no process has it open.
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

    @Test("TP-5: the same port in another network namespace is in nobody's way", .enabled(if: isRoot, needsRoot))
    func otherNetwork() throws {
        let (probe, port) = try boundPort(listens: false)
        close(probe)
        let sandbox = try Sandbox()
        let stranger = try HelperProcess(
            ["/usr/bin/unshare", "-n", "/bin/sh", "-c", "ip link set lo up; exec \(try oracle()) listen \(port)"],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ORACLE_DIR": sandbox.folder]
        )
        #expect(eventually { readText(sandbox.folder + "/_._.trace")?.contains("LISTEN") ?? false })
        #expect(scan(ports: [port]) == StartBlockers())
        stranger.reap()
    }

    @Test(
        "SK-3: a socket of another network namespace that is bound and does not listen yet is not taken for stale",
        .enabled(if: isRoot, needsRoot)
    )
    func boundElsewhere() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let stranger = try HelperProcess(
            ["/usr/bin/unshare", "-n", try oracle(), "bind-unix", path, "1200"],
            environment: ["ORACLE_DIR": sandbox.folder]
        )
        #expect(eventually { access(path, F_OK) == 0 })
        var obstruction = BlockerScanner()
        let order = BlockerScanRequest(sockets: [path])
        // Until it listens, and a while longer.
        var looks = 0
        let isListening = eventually {
            let found = obstruction.scan(order, now: Moment(nanoseconds: hl_boot_clock()))
            #expect(found.staleSockets.isEmpty, "\(found)")
            #expect(!found.unresolved.isEmpty || !found.holders.isEmpty)
            looks += 1
            return readText(sandbox.folder + "/_._.trace")?.contains("LISTEN") ?? false
        }
        #expect(isListening && looks > 10)
        #expect(obstruction.scan(order, now: Moment(nanoseconds: hl_boot_clock())).staleSockets.isEmpty)
        stranger.reap()
    }

    @Test("RC-2: a holder in another pid namespace lives in a container", .enabled(if: isRoot, needsRoot))
    func container() throws {
        let (descriptor, port) = try boundPort()
        let unshare = try HelperProcess(["/usr/bin/unshare", "-pf", "/bin/sleep", "600"], holding: [descriptor])
        close(descriptor)
        let isThere = eventually {
            scan(ports: [port]).holders.contains { $0.process?.protection == .container }
        }
        #expect(isThere)
        let inside = ProcessTable.children(of: unshare.pid)
        #expect(inside.count == 1)
        let held = scan(ports: [port]).holders.first { $0.process?.identity.pid == inside.first }
        #expect(held?.process?.protectionReason == "it lives in a container")
        for pid in inside { kill(pid, SIGKILL) }
        unshare.reap()
    }

    @Test(
        "RC-2: what holds a port for a container says how to end that; a shim, or a keeper, is one by its name",
        arguments: [("docker-proxy", Protection.portForwarder), ("rootlessport", .portForwarder), ("hpshim", .shim)]
    )
    func named(_ name: String, _ protection: Protection) throws {
        let sandbox = try Sandbox()
        let path = "\(sandbox.folder)/\(name)"
        // Not written by ourselves: a child that is forked meanwhile would hold it open for a moment.
        try HelperProcess(["/bin/cp", "/bin/sleep", path]).finish()
        let (descriptor, port) = try boundPort()
        let stranger = try HelperProcess([path, "600"], holding: [descriptor])
        close(descriptor)
        #expect(eventually { ProcessInspector.programPath(of: stranger.pid) == path })
        let process = try #require(scan(ports: [port]).holders.first?.process)
        #expect(process.protection == protection && process.protectionReason == protection.reason)
        stranger.reap()
    }

    @Test("TP-6, RC-2: a holder that is a job of heroproc is named as that job, and is never signalled")
    func job() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let (descriptor, port) = try boundPort()
        close(descriptor)
        let order = sandbox.request(7, [try oracle(), "listen", "\(port)"])
        var other = order
        other.environment.append(.texts(["ORACLE_DIR": sandbox.folder]))
        kernel.launch(other)
        _ = try kernel.awaitStart(7)
        #expect(eventually { !scan(ports: [port]).holders.isEmpty })
        let process = try #require(scan(ports: [port]).holders.first?.process)
        #expect(process.protection == .job)
        #expect(process.protectionReason == "it is the job core/test.7 #7 of heroproc")
        kernel.killTree(order.start)
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

    @Test("SK-1, SK-2: a socket of any type has its holder, also when that is stopped; without it, the file is stale")
    func types() throws {
        for (name, type) in Self.types {
            let sandbox = try Sandbox()
            let path = "\(sandbox.folder)/\(name).sock"
            let stranger = try HelperProcess.holding(bound(path, type))
            kill(stranger.pid, SIGSTOP)
            let found = scan(sockets: [path])
            #expect(found.holders.map(\.process?.identity.pid) == [stranger.pid], "\(name)")
            #expect(found.staleSockets.isEmpty && found.unresolved.isEmpty)
            stranger.reap()
            #expect(scan(sockets: [path]).holders.isEmpty)
        }
    }

    @Test("SK-1: a socket bound by a relative name is found, and each of the workers that share it")
    func workers() throws {
        let sandbox = try Sandbox()
        let stranger = try HelperProcess(
            ["/bin/sh", "-c", "cd \(sandbox.folder); exec \(try oracle()) listen-unix web.sock fork 4"],
            environment: ["ORACLE_DIR": sandbox.folder]
        )
        func holders() -> [Int32] {
            scan(sockets: [sandbox.folder + "/web.sock"]).holders.compactMap(\.process?.identity.pid)
        }
        #expect(eventually { holders().count == 5 })
        #expect(holders().contains(stranger.pid))
        for pid in holders() where pid != stranger.pid { kill(pid, SIGKILL) }
        stranger.reap()
    }

    @Test("SK-1: of two that were bound to one path, the one that it leads to holds it")
    func rebound() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/web.sock"
        let former = try HelperProcess.holding(bound(path, 1))
        unlink(path)
        let latter = try HelperProcess.holding(bound(path, 1))
        #expect(scan(sockets: [path]).holders.map(\.process?.identity.pid) == [latter.pid])
        former.reap()
        latter.reap()
    }

    /// The workload of the end-to-end tests, built beside these.
    private func oracle() throws -> String {
        let shim = try Shim.find()
        return (shim.lastIndex(of: "/").map { String(shim[..<$0]) } ?? "") + "/hporacle"
    }
}
