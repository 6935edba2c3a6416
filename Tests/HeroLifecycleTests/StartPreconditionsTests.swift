import HeroLifecycle
import HeroModel
import Testing

/// Clearing the way: no process, no socket, no waiting.
@Suite("Clearance")
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

    @Test("nothing in the way is free at once")
    func free() {
        var clearance = StartPreconditions()
        let (effects, verdict) = clearance.check(StartBlockers(), Self.rules(), now: Self.start)
        #expect(effects.isEmpty && verdict == .satisfied)
    }

    @Test("RC-1: without a flag a holder is named and nobody is signalled")
    func noFlag() {
        var clearance = StartPreconditions()
        let (effects, verdict) = clearance.check(Self.held(by: Self.process(412)), Self.rules(), now: Self.start)
        #expect(effects.isEmpty)
        #expect(
            verdict
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; end it, or allow it to be stopped with `kill_others: true`"
                )
        )
    }

    @Test("TP-4: without a flag all who hold it are named, workers by the one they descend from")
    func allNamed() {
        var clearance = StartPreconditions()
        let obstacles = Self.held(
            by: Self.process(10),
            Self.process(11, below: [10]),
            Self.process(20),
            Self.process(30)
        )
        let other = "/usr/sbin/other"
        #expect(
            clearance.check(obstacles, Self.rules(), now: Self.start).1
                == .blocked(
                    "tcp 8080 is held by pid 10 \(other), pid 20 \(other) and pid 30 \(other); end them, or allow them to be "
                        + "stopped with `kill_others: true`"
                )
        )
        let many = StartBlockers(holders: (1...10).map { ResourceHolder(Self.port, by: Self.process($0 * 10)) })
        guard case .blocked(let reason) = clearance.check(many, Self.rules(), now: Self.start).1 else {
            return #expect(Bool(false), "it is blocked")
        }
        #expect(reason.contains("pid 80 \(other) and 2 more; end them"), "\(reason)")
    }

    @Test(
        "TP-4: who shares a port is in nobody's way, unless a flag says that he is to be stopped",
        arguments: [nil] + Protection.allCases
    )
    func shared(_ protection: Protection?) {
        func isShared(by process: ForeignProcess?, isInstance: Bool = false) -> StartBlockers {
            StartBlockers(holders: [ResourceHolder(Self.port, by: process, runsProgram: isInstance, isShared: true)])
        }
        var clearance = StartPreconditions()
        let singleton = Self.rules { $0.singleton = true }
        let holder = Self.process(412, protection)
        for rules in [Self.rules(), Self.killing, singleton] {
            let unseen = clearance.check(isShared(by: nil), rules, now: Self.start)
            #expect(unseen.0.isEmpty && unseen.1 == .satisfied)
        }
        for isInstance in [false, true] {
            let seen = clearance.check(isShared(by: holder, isInstance: isInstance), Self.rules(), now: Self.start)
            #expect(seen.0.isEmpty && seen.1 == .satisfied)
        }
        let stranger = clearance.check(isShared(by: holder), singleton, now: Self.start)
        #expect(stranger.0.isEmpty && stranger.1 == .satisfied)
        let taken = clearance.check(isShared(by: holder), Self.killing, now: Self.start)
        #expect(taken.0.count == (protection == nil ? 1 : 0))
        #expect((taken.1 == .satisfied) == (protection != nil))
    }

    @Test("TP-4: all three of a group are told to end at once, each by name")
    func group() {
        var clearance = StartPreconditions()
        let all = (1...3).map { Self.process($0 * 10) }
        let obstacles = StartBlockers(holders: all.map { ResourceHolder(Self.port, by: $0, isShared: true) })
        let (effects, _) = clearance.check(obstacles, Self.killing, now: Self.start)
        #expect(effects == all.map { .signal($0, .term, holding: Self.port, allowedBy: "kill_others") })
    }

    @Test("TP-4: a port that is declared as shared, and is not, blocks and says why")
    func unshared() {
        var clearance = StartPreconditions()
        let rules = Self.rules { $0.tcpPorts = [BoundPort(port: 8080, isShared: true)] }
        let (effects, verdict) = clearance.check(Self.held(by: Self.process(412)), rules, now: Self.start)
        #expect(effects.isEmpty)
        #expect(
            verdict
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other, and cannot be shared: a socket on it has no SO_REUSEPORT, "
                        + "or is another user's; end it, or allow it to be stopped with `kill_others: true`"
                )
        )
    }

    @Test("RC-2: the protected are never signalled, whatever is allowed", arguments: Protection.allCases)
    func protected(_ protection: Protection) {
        var clearance = StartPreconditions()
        let rules = Self.rules {
            $0.killsOthers = true
            $0.singleton = true
        }
        let obstacles = Self.held(by: Self.process(412), Self.process(7, protection))
        let (effects, verdict) = clearance.check(obstacles, rules, now: Self.start)
        #expect(effects.isEmpty)
        #expect(verdict == .blocked("tcp 8080 is held by pid 7 /usr/sbin/other; \(protection.reason)"))
    }

    @Test("TP-3: a port that nobody can be seen to hold blocks, and nobody is signalled")
    func unseen() {
        var clearance = StartPreconditions()
        let obstacles = StartBlockers(holders: [ResourceHolder(Self.port, by: nil)])
        let (effects, verdict) = clearance.check(obstacles, Self.killing, now: Self.start)
        #expect(effects.isEmpty)
        #expect(verdict == .blocked("tcp 8080 is held, and no process that holds it can be seen"))
    }

    @Test("PF-3: the stop signal first, SIGKILL after the stop timeout, then free")
    func escalation() {
        var clearance = StartPreconditions()
        let rules = Self.rules {
            $0.killsOthers = true
            $0.stop = StopPolicy(signal: Signal(number: 2), timeout: .seconds(3))
        }
        let holder = Self.process(412)
        var (effects, verdict) = clearance.check(Self.held(by: holder), rules, now: Self.start)
        #expect(effects == [.signal(holder, Signal(number: 2), holding: Self.port, allowedBy: "kill_others")])
        guard case .recheck(let next) = verdict else { return #expect(Bool(false), "\(verdict)") }
        (effects, _) = clearance.check(Self.held(by: holder), rules, now: next)
        #expect(effects.isEmpty)
        (effects, _) = clearance.check(Self.held(by: holder), rules, now: Self.start + .seconds(3))
        #expect(effects == [.signal(holder, .kill, holding: Self.port, allowedBy: "kill_others")])
        (effects, verdict) = clearance.check(StartBlockers(), rules, now: Self.start + .seconds(4))
        #expect(effects.isEmpty && verdict == .satisfied)
    }

    @Test("RC-3: of a tree the oldest is told first, the others after 500 ms if they still hold")
    func tree() {
        var clearance = StartPreconditions()
        let parent = Self.process(10)
        let worker = Self.process(11, below: [10])
        var (effects, _) = clearance.check(Self.held(by: worker, parent), Self.killing, now: Self.start)
        #expect(effects == [.signal(parent, .term, holding: Self.port, allowedBy: "kill_others")])
        (effects, _) = clearance.check(
            Self.held(by: worker, parent),
            Self.killing,
            now: Self.start + .milliseconds(400)
        )
        #expect(effects.isEmpty)
        (effects, _) = clearance.check(Self.held(by: worker), Self.killing, now: Self.start + .milliseconds(500))
        #expect(effects == [.signal(worker, .term, holding: Self.port, allowedBy: "kill_others")])
    }

    @Test("RC-3: a holder that comes again and again is stopped three times, then it is said")
    func rounds() {
        var clearance = StartPreconditions()
        var now = Self.start
        for pid in Int32(10)..<13 {
            let (effects, _) = clearance.check(Self.held(by: Self.process(pid)), Self.killing, now: now)
            #expect(effects.count == 1)
            now = now + .milliseconds(50)
        }
        let (effects, verdict) = clearance.check(Self.held(by: Self.process(13)), Self.killing, now: now)
        #expect(effects.isEmpty)
        #expect(verdict == .blocked("tcp 8080 is taken again and again, now by pid 13 /usr/sbin/other"))
    }

    @Test("SK-5: a stale socket is removed without any flag, then it is looked again")
    func stale() {
        var clearance = StartPreconditions()
        let file = SocketFile(path: "/run/web.sock", device: 1, inode: 2, bornAt: 3)
        let (effects, verdict) = clearance.check(StartBlockers(staleSockets: [file]), Self.rules(), now: Self.start)
        #expect(effects == [.removeSocket(file)] && verdict == .recheck(at: Self.start))
    }

    @Test("singleton stops another instance of the action, and no stranger")
    func singleton() {
        let rules = Self.rules { $0.singleton = true }
        let holder = Self.process(412)
        var clearance = StartPreconditions()
        let stranger = clearance.check(Self.held(by: holder), rules, now: Self.start)
        #expect(
            stranger.1
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; end it, or allow it to be stopped with `kill_others: true`"
                )
        )
        let instance = StartBlockers(holders: [ResourceHolder(Self.port, by: holder, runsProgram: true)])
        #expect(clearance.check(instance, rules, now: Self.start).0.count == 1)
        let unasked = clearance.check(instance, Self.rules(), now: Self.start)
        #expect(
            unasked.1
                == .blocked(
                    "tcp 8080 is held by pid 412 /usr/sbin/other; end it, or allow it to be stopped with `singleton: true`"
                )
        )
    }

    @Test("a socket file that comes back is no endless loop")
    func comesBack() {
        var clearance = StartPreconditions()
        let file = SocketFile(path: "/run/web.sock", device: 1, inode: 2, bornAt: 3)
        var verdict = StartPreconditions.CheckResult.satisfied
        for _ in 0..<4 {
            (_, verdict) = clearance.check(StartBlockers(staleSockets: [file]), Self.rules(), now: Self.start)
        }
        #expect(verdict == .blocked("socket /run/web.sock was removed 3 times and is there again"))
    }

    @Test("PF-2: the truth table: a trusted owner, one sign at least, a flag, and no protection", arguments: 0..<128)
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
        var clearance = StartPreconditions()
        let (effects, verdict) = clearance.check(
            StartBlockers(pidFile: .namesProcess(holder, path: "/run/web.pid", evidence)),
            rules,
            now: Self.start
        )
        let isProof = isSet(0) && (isSet(1) || isSet(2) || isSet(3) || isSet(4))
        let stops = isProof && !isSet(5) && isSet(6)
        #expect(effects.isEmpty != stops)
        // A file that proves nothing is a stale one: the stranger lives, and the start goes on.
        if !isProof { #expect(verdict == .satisfied) }
    }
}
