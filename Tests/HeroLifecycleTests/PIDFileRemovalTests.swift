import HeroLifecycle
import HeroModel
import Testing

/// What happens before a start to the PID file that an action names (contract section 3, `pid_file`).
@Suite("PID files of earlier starts")
struct PIDFileRemovalTests {
    private static let now = Moment(nanoseconds: 1_000_000_000)

    /// A file that was written so many seconds and microseconds after 1970.
    private static func file(_ seconds: Int64, _ microseconds: Int64 = 0, problem: String? = nil) -> LeftPIDFile {
        LeftPIDFile(
            path: "/run/web.pid",
            device: 1,
            inode: 2,
            writtenAt: WallTime(microseconds: seconds * 1_000_000 + microseconds),
            problem: problem
        )
    }

    /// A start between two times in seconds.
    private static func start(_ from: Int64, _ to: Int64) -> PastStart {
        PastStart(
            startedAt: WallTime(microseconds: from * 1_000_000),
            endedAt: WallTime(microseconds: to * 1_000_000)
        )
    }

    private static func rules(_ starts: [PastStart], bootedAt: Int64 = 0) -> StartPreconditions.Rules {
        var rules = StartPreconditions.Rules(ActionSpec("server", .exec(["/bin/server"]), isProcess: true))
        rules.pastStarts = starts
        rules.bootedAt = WallTime(microseconds: bootedAt)
        return rules
    }

    private static let cases: [(LeftPIDFile, [PastStart], String?)] = [
        (file(15), [start(10, 20)], nil),
        (file(20), [start(10, 20)], nil),
        // The time of a file is up to one clock tick late.
        (file(10, -15_000), [start(10, 20)], nil),
        (file(15), [start(40, 50), start(10, 20)], nil),
        (file(10, -30_000), [start(10, 20)], "it was not written during a recorded start of this action"),
        (file(20, 1), [start(10, 20)], "it was not written during a recorded start of this action"),
        (file(15), [], "no earlier start of this action is recorded"),
        (file(15, problem: "is larger than 4 KiB"), [start(10, 20)], "it is larger than 4 KiB"),
    ]

    @Test("A PID file is removed only if an earlier start that has ended wrote it", arguments: cases)
    func removal(file: LeftPIDFile, starts: [PastStart], refusal: String?) {
        var blockers = StartBlockers()
        blockers.leftPIDFile = file
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(blockers, Self.rules(starts), now: Self.now)
        if let refusal {
            #expect(effects == [.keepPIDFile(file.path, because: refusal)] && result == .satisfied)
        } else {
            #expect(effects == [.removePIDFile(file)] && result == .recheck(at: Self.now))
        }
    }

    @Test("A PID file from before the last start of the machine is kept")
    func reboot() {
        var blockers = StartBlockers()
        blockers.leftPIDFile = Self.file(15)
        var preconditions = StartPreconditions()
        let (effects, _) = preconditions.check(
            blockers,
            Self.rules([Self.start(10, 20)], bootedAt: 16_000_000),
            now: Self.now
        )
        #expect(
            effects == [.keepPIDFile("/run/web.pid", because: "it was written before this machine was started")]
        )
    }

    @Test("A PID file that cannot be removed does not prevent the start")
    func stubborn() {
        var blockers = StartBlockers()
        blockers.leftPIDFile = Self.file(15)
        var preconditions = StartPreconditions()
        let rules = Self.rules([Self.start(10, 20)])
        for _ in 0..<3 {
            #expect(preconditions.check(blockers, rules, now: Self.now).1 == .recheck(at: Self.now))
        }
        let (effects, result) = preconditions.check(blockers, rules, now: Self.now)
        #expect(effects == [.keepPIDFile("/run/web.pid", because: "it cannot be removed")] && result == .satisfied)
    }

    @Test("The file of a process that still runs the action is not removed")
    func runningInstance() {
        var blockers = StartBlockers()
        blockers.leftPIDFile = Self.file(15)
        let process = ForeignProcess(
            identity: JobTestDriver.identity(412),
            program: "/bin/server",
            user: 0,
            ancestors: [1],
            protection: nil
        )
        let evidence = PIDFileState.Evidence(isOwnerTrusted: true, holdsLock: true)
        blockers.pidFile = .namesProcess(process, path: "/run/web.pid", evidence)
        var preconditions = StartPreconditions()
        let (effects, result) = preconditions.check(blockers, Self.rules([Self.start(10, 20)]), now: Self.now)
        if case .blocked = result {} else { Issue.record("\(result)") }
        #expect(effects.isEmpty)
    }

    @Test("The PID file of a crashed program is removed before its next start")
    func afterACrash() {
        var driver = JobTestDriver(JobTestDriver.process { $0.pidFile = "/run/web.pid" })
        driver.handle(.startRequested)
        driver.now = Moment(nanoseconds: 2_000_000_000)
        driver.handle(
            .started(
                generation: 1,
                process: JobTestDriver.identity(412),
                at: driver.now,
                time: WallTime(microseconds: 2_000_000)
            )
        )
        driver.now = Moment(nanoseconds: 4_000_000_000)
        driver.handle(
            .ended(
                generation: 1,
                .signaled(.kill, coreDumped: false),
                executed: true,
                time: WallTime(microseconds: 4_000_000)
            )
        )
        let file = Self.file(3)
        var blockers = StartBlockers()
        blockers.leftPIDFile = file
        driver.blockers = blockers
        driver.advance(.seconds(1))
        let effects = driver.handle(.deadlineReached)
        #expect(effects.contains(.removePIDFile(file)), "\(effects)")
        driver.blockers = StartBlockers()
        #expect(driver.handle(.deadlineReached) == [.launch(generation: 2)])
    }

    @Test("The start of the job before it counts too")
    func formerJob() {
        let driver = JobTestDriver(JobTestDriver.process { $0.pidFile = "/run/web.pid" })
        let file = Self.file(15)
        var blockers = StartBlockers()
        blockers.leftPIDFile = file
        var context = driver.context
        var lifecycle = driver.lifecycle
        context.formerStart = Self.start(10, 20)
        _ = lifecycle.handle(.startRequested, context)
        #expect(lifecycle.handle(.blockersChecked(blockers), context).contains(.removePIDFile(file)))
    }
}
