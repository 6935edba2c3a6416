import HeroLifecycle
import HeroModel
import Testing

/// Start preconditions without real processes, sockets or waiting.
@Suite("Start preconditions")
struct StartPreconditionsTests {
    private static let port = ClaimedResource.tcp(TCPEndpoint(port: 8080))

    private static func process(_ pid: Int32, below ancestors: [Int32] = [], _ protection: Protection? = nil)
        -> ForeignProcess
    {
        ForeignProcess(
            identity: ProcessIdentity(bootID: "b", pidNamespace: 1, pid: pid, startTicks: 7, pidfsInode: 0),
            program: "/usr/sbin/other",
            user: 0,
            ancestors: ancestors + [1],
            protection: protection
        )
    }

    private static func rules(_ change: (inout ActionSpec) -> Void = { _ in }) -> StartPreconditions.Rules {
        var action = ActionSpec("server", .exec(["/bin/server"]), isProcess: true)
        change(&action)
        return StartPreconditions.Rules(action)
    }

    private static let killing = rules { $0.killsOthers = true }
    private static let start = Moment(nanoseconds: 1_000_000_000)

    private static func held(by processes: ForeignProcess...) -> StartBlockers {
        StartBlockers(holders: processes.map { ResourceHolder(port, by: $0) })
    }

    @Test("A start without blockers is satisfied at once")
    func satisfied() {
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(StartBlockers(), Self.rules(), now: Self.start)
        #expect(effects.isEmpty && result == .satisfied)
    }

    @Test("RC-1: Without an allowing key the holder is named and not signalled")
    func namesHolder() {
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(Self.held(by: Self.process(412)), Self.rules(), now: Self.start)
        #expect(effects.isEmpty)
        #expect(
            result
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; stop it, or allow heroproc to stop it with "
                        + "`kill_others: true`"
                )
        )
    }

    @Test(
        "No key allows to stop the process for a socket that another user created",
        arguments: [(1000, 0, false), (1000, 33, false), (0, 33, true), (33, 33, true), (nil, 0, true)]
            as [(UInt32?, UInt32, Bool)]
    )
    func passedSocket(socketUser: UInt32?, processUser: UInt32, isStopped: Bool) {
        var process = Self.process(412)
        process.user = processUser
        let blockers = StartBlockers(holders: [ResourceHolder(Self.port, by: process, socketUser: socketUser)])
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(blockers, Self.killing, now: Self.start)
        #expect(effects.isEmpty != isStopped)
        guard !isStopped else { return }
        guard case .blocked(let reason) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(reason.contains("user \(socketUser ?? 0) created this socket") && reason.contains("pid 412"))
    }

    @Test("TP-4: Without an allowing key all holders are named, but not their descendants")
    func namesAllHolders() {
        var preconditions = StartPreconditions()
        let blockers = Self.held(
            by: Self.process(10),
            Self.process(11, below: [10]),
            Self.process(20),
            Self.process(30)
        )
        let path = "/usr/sbin/other"
        #expect(
            preconditions.check(blockers, Self.rules(), now: Self.start).1
                == .blocked(
                    "tcp 8080 is held by pid 10 \(path), pid 20 \(path) and pid 30 \(path); stop them, or allow "
                        + "heroproc to stop them with `kill_others: true`"
                )
        )
        let many = StartBlockers(holders: (1...10).map { ResourceHolder(Self.port, by: Self.process($0 * 10)) })
        guard case .blocked(let reason) = preconditions.check(many, Self.rules(), now: Self.start).1 else {
            return #expect(Bool(false), "the start is not blocked")
        }
        #expect(reason.contains("pid 80 \(path) and 2 more; stop them"), "\(reason)")
    }

    @Test(
        "TP-4: The holder of a shared port blocks nothing and is stopped only by `kill_others`",
        arguments: [nil] + Protection.allCases
    )
    func shared(_ protection: Protection?) {
        func isShared(by process: ForeignProcess?, isInstance: Bool = false) -> StartBlockers {
            StartBlockers(holders: [ResourceHolder(Self.port, by: process, runsProgram: isInstance, isShared: true)])
        }
        var preconditions = StartPreconditions()
        let singleton = Self.rules { $0.singleton = true }
        let holder = Self.process(412, protection)
        for rules in [Self.rules(), Self.killing, singleton] {
            let unseen = preconditions.check(isShared(by: nil), rules, now: Self.start)
            #expect(unseen.0.isEmpty && unseen.1 == .satisfied)
        }
        for isInstance in [false, true] {
            let seen = preconditions.check(isShared(by: holder, isInstance: isInstance), Self.rules(), now: Self.start)
            #expect(seen.0.isEmpty && seen.1 == .satisfied)
        }
        let other = preconditions.check(isShared(by: holder), singleton, now: Self.start)
        #expect(other.0.isEmpty && other.1 == .satisfied)
        let stopped = preconditions.check(isShared(by: holder), Self.killing, now: Self.start)
        #expect(stopped.0.count == (protection == nil ? 1 : 0))
        #expect((stopped.1 == .satisfied) == (protection != nil))
    }

    @Test("TP-4: All holders of a shared port are signalled at the same time")
    func group() {
        var preconditions = StartPreconditions()
        let all = (1...3).map { Self.process($0 * 10) }
        let blockers = StartBlockers(holders: all.map { ResourceHolder(Self.port, by: $0, isShared: true) })
        let (effects, _) = preconditions.check(blockers, Self.killing, now: Self.start)
        #expect(effects == all.map { .signal($0, .term, holding: Self.port, allowedBy: "kill_others") })
    }

    @Test("TP-4: A port that cannot be shared blocks the start with a reason")
    func unshared() {
        var preconditions = StartPreconditions()
        let rules = Self.rules { $0.tcpPorts = [BoundPort(port: 8080, isShared: true)] }
        let (effects, result) = preconditions.check(Self.held(by: Self.process(412)), rules, now: Self.start)
        #expect(effects.isEmpty)
        #expect(
            result
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other, and cannot be shared because a socket on it has no "
                        + "SO_REUSEPORT or belongs to another user; stop it, or allow heroproc to stop it with "
                        + "`kill_others: true`"
                )
        )
    }

    @Test("RC-2: A protected process is never signalled, even with both keys", arguments: Protection.allCases)
    func protected(_ protection: Protection) {
        var preconditions = StartPreconditions()
        let rules = Self.rules {
            $0.killsOthers = true
            $0.singleton = true
        }
        let blockers = Self.held(by: Self.process(412), Self.process(7, protection))
        let (effects, result) = preconditions.check(blockers, rules, now: Self.start)
        #expect(effects.isEmpty)
        #expect(result == .blocked("tcp 8080 is held by pid 7 /usr/sbin/other; \(protection.reason)"))
    }

    @Test("TP-3: A port without a visible holder blocks, and no process is signalled")
    func invisibleHolder() {
        var preconditions = StartPreconditions()
        let blockers = StartBlockers(holders: [ResourceHolder(Self.port, by: nil)])
        let (effects, result) = preconditions.check(blockers, Self.killing, now: Self.start)
        #expect(effects.isEmpty)
        #expect(result == .blocked("tcp 8080 is held, and no process that holds it can be seen"))
        let owned = StartBlockers(holders: [ResourceHolder(Self.port, by: nil, socketUser: 1000)])
        let text = "tcp 8080 is held by a process of user 1000 that heroproc may not inspect"
        let second = preconditions.check(owned, Self.killing, now: Self.start)
        #expect(second.0.isEmpty)
        #expect(second.1 == .blocked(text))
    }

    @Test("PF-3: A holder gets the stop signal, and SIGKILL after the stop timeout")
    func escalation() {
        var preconditions = StartPreconditions()
        let rules = Self.rules {
            $0.killsOthers = true
            $0.stop = StopPolicy(signal: Signal(number: 2), timeout: .seconds(3))
        }
        let holder = Self.process(412)
        var (effects, result) = preconditions.check(Self.held(by: holder), rules, now: Self.start)
        #expect(effects == [.signal(holder, Signal(number: 2), holding: Self.port, allowedBy: "kill_others")])
        guard case .recheck(let next) = result else { return #expect(Bool(false), "\(result)") }
        (effects, _) = preconditions.check(Self.held(by: holder), rules, now: next)
        #expect(effects.isEmpty)
        (effects, _) = preconditions.check(Self.held(by: holder), rules, now: Self.start + .seconds(3))
        #expect(effects == [.signal(holder, .kill, holding: Self.port, allowedBy: "kill_others")])
        (effects, result) = preconditions.check(StartBlockers(), rules, now: Self.start + .seconds(4))
        #expect(effects.isEmpty && result == .satisfied)
    }

    @Test("RC-3: The oldest holder of a tree is signalled first, its descendants after 500 ms")
    func tree() {
        var preconditions = StartPreconditions()
        let parent = Self.process(10)
        let worker = Self.process(11, below: [10])
        var (effects, _) = preconditions.check(Self.held(by: worker, parent), Self.killing, now: Self.start)
        #expect(effects == [.signal(parent, .term, holding: Self.port, allowedBy: "kill_others")])
        (effects, _) = preconditions.check(
            Self.held(by: worker, parent),
            Self.killing,
            now: Self.start + .milliseconds(400)
        )
        #expect(effects.isEmpty)
        (effects, _) = preconditions.check(Self.held(by: worker), Self.killing, now: Self.start + .milliseconds(500))
        #expect(effects == [.signal(worker, .term, holding: Self.port, allowedBy: "kill_others")])
    }

    @Test("RC-3: After three stops of new holders the start is blocked")
    func limitsStopRounds() {
        var preconditions = StartPreconditions()
        var now = Self.start
        for pid in Int32(10)..<13 {
            let (effects, _) = preconditions.check(Self.held(by: Self.process(pid)), Self.killing, now: now)
            #expect(effects.count == 1)
            now = now + .milliseconds(50)
        }
        let (effects, result) = preconditions.check(Self.held(by: Self.process(13)), Self.killing, now: now)
        #expect(effects.isEmpty)
        #expect(result == .blocked("tcp 8080 is held again after 3 stops, now by pid 13 /usr/sbin/other"))
    }

    @Test("SK-5: A stale socket is removed without an allowing key, followed by another check")
    func stale() {
        var preconditions = StartPreconditions()
        let file = SocketFile(path: "/run/web.sock", device: 1, inode: 2, bornAt: 3)
        let (effects, result) = preconditions.check(StartBlockers(staleSockets: [file]), Self.rules(), now: Self.start)
        #expect(effects == [.removeSocket(file)] && result == .recheck(at: Self.start))
    }

    @Test("The key `singleton` stops another instance and no other process")
    func singleton() {
        let rules = Self.rules { $0.singleton = true }
        let holder = Self.process(412)
        var preconditions = StartPreconditions()
        let other = preconditions.check(Self.held(by: holder), rules, now: Self.start)
        #expect(
            other.1
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; stop it, or allow heroproc to stop it with "
                        + "`kill_others: true`"
                )
        )
        let instance = StartBlockers(holders: [ResourceHolder(Self.port, by: holder, runsProgram: true)])
        #expect(preconditions.check(instance, rules, now: Self.start).0.count == 1)
        let refused = preconditions.check(instance, Self.rules(), now: Self.start)
        #expect(
            refused.1
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; stop it, or allow heroproc to stop it with "
                        + "`singleton: true`"
                )
        )
    }

    @Test("A socket file that returns after three removals blocks the start")
    func limitsSocketRemovals() {
        var preconditions = StartPreconditions()
        let file = SocketFile(path: "/run/web.sock", device: 1, inode: 2, bornAt: 3)
        var result = StartPreconditions.CheckResult.satisfied
        for _ in 0..<4 {
            (_, result) = preconditions.check(StartBlockers(staleSockets: [file]), Self.rules(), now: Self.start)
        }
        #expect(result == .blocked("socket /run/web.sock was removed 3 times and exists again"))
    }

    @Test("PF-2: A stop by PID file needs trust, evidence, a key and no protection", arguments: 0..<128)
    func pidFile(_ bits: Int) {
        let isSet = { (bit: Int) in bits & (1 << bit) != 0 }
        let evidence = PIDFileState.Evidence(
            isOwnerTrusted: isSet(0),
            isRecorded: isSet(1),
            holdsLock: isSet(2),
            runsProgram: isSet(3),
            holdsResource: isSet(4)
        )
        let holder = Self.process(412, isSet(5) ? .ancestor : nil)
        let rules = Self.rules { $0.singleton = isSet(6) }
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(
            StartBlockers(pidFile: .namesProcess(holder, path: "/run/web.pid", evidence)),
            rules,
            now: Self.start
        )
        let isProof = isSet(0) && (isSet(1) || isSet(2) || isSet(3) || isSet(4))
        let stops = isProof && !isSet(5) && isSet(6)
        #expect(effects.isEmpty != stops)
        // A file without conclusive evidence is stale: the process stays, and the start continues.
        if !isProof { #expect(result == .satisfied) }
    }
}
