import HeroKernel
import HeroModel
import HeroPlan

/// The inspections of all declared and active actions, and what their results mean for a plan.
struct ActionInspectionBatch {
    /// The action that a request inspects.
    private struct Target: Hashable {
        /// The name of the service, or of the standalone action.
        var name: QualifiedName
        var isStandalone: Bool
        var action: String

        init(_ name: QualifiedName, isStandalone: Bool, action: String) {
            self.name = name
            self.isStandalone = isStandalone
            self.action = action
        }

        init(of job: JobRecord) {
            name = QualifiedName(job.service ?? job.action, context: job.context)
            isStandalone = job.service == nil
            action = job.action
        }
    }

    private var targets: [Target] = []
    private var jobs: [JobRecord?] = []
    /// The requests; their results must have the same order.
    private(set) var requests: [ActionInspectionRequest] = []

    /// Whether each action is checked for reasons why its start would fail.
    private let checksStarts: Bool

    /// Inspects each active job, and each action that binds something; with `checksStarts` each action that may start.
    init(
        _ desired: DesiredState,
        jobs active: [JobRecord],
        baseEnvironment: [String: String],
        checksStarts: Bool
    ) {
        self.checksStarts = checksStarts
        let builder = LaunchRequestBuilder(baseEnvironment: baseEnvironment)
        var rest: [Target: JobRecord] = [:]
        for job in active { rest[Target(of: job)] = job }
        for (name, declared) in desired.services where declared.spec.status == .start {
            for action in declared.spec.actions {
                let target = Target(name, isStandalone: false, action: action.name)
                addRequest(target, action, in: declared.spec, rest.removeValue(forKey: target), builder)
            }
        }
        for (name, declared) in desired.actions where declared.spec.isStandalone {
            let target = Target(name, isStandalone: true, action: declared.spec.name)
            addRequest(target, declared.spec, in: nil, rest.removeValue(forKey: target), builder)
        }
        // Of an active job that is not wanted, only its process matters.
        for (target, job) in rest {
            append(target, job, ActionInspectionRequest(order: .livenessOnly(recorded: job.process)))
        }
    }

    private mutating func addRequest(
        _ target: Target,
        _ action: ActionSpec,
        in service: ServiceSpec?,
        _ job: JobRecord?,
        _ builder: LaunchRequestBuilder
    ) {
        let bindsNothing = action.tcpPorts.isEmpty && action.sockets.isEmpty && action.pidFile == nil
        guard job != nil || !bindsNothing || checksStarts else { return }
        let inspected = job ?? .placeholder(target.name, action.name)
        var request = ActionInspectionRequest(order: builder.blockerScanRequest(inspected, action, in: service))
        if checksStarts { request.launch = builder.launchRequest(inspected, action, in: service) }
        if let job, job.phase == .running, !job.isStopping {
            request.startedAt = job.startedAt
            request.environmentFiles = service.map { Self.uncomparedFiles(of: action, in: $0, job) } ?? []
        }
        append(target, job, request)
    }

    private mutating func append(_ target: Target, _ job: JobRecord?, _ request: ActionInspectionRequest) {
        targets.append(target)
        jobs.append(job)
        requests.append(request)
    }

    /// The environment files whose content at the start is not known, so that only their times can be compared.
    private static func uncomparedFiles(
        of action: ActionSpec,
        in service: ServiceSpec,
        _ job: JobRecord
    ) -> [EnvironmentFileReference] {
        service.contentReferences(of: action).filter { reference in
            let recorded = job.contents?.matching(RecordedContent(reference, nil))
            return reference.kind.isSecret && recorded?.digest == nil
        }
        .map { EnvironmentFileReference($0.path, isOptional: $0.isOptional) }
    }

    /// For each job with a recorded process, whether that process is alive.
    func livenessByJob(_ results: [ActionInspectionResult]) -> [JobID: Bool] {
        var liveness: [JobID: Bool] = [:]
        for (job, result) in zip(jobs, results) {
            if let job, job.process != nil { liveness[job.id] = result.isAlive }
        }
        return liveness
    }

    /// Adds the results to the observed state.
    func addResults(_ results: [ActionInspectionResult], to observed: inout Observed) {
        for (target, result) in zip(targets, results) {
            for claim in result.claims {
                observed.holders.append(
                    ObservedHolder(
                        service: target.name,
                        isStandalone: target.isStandalone,
                        action: target.action,
                        claim.holder,
                        owner: claim.job.map { targets[$0].name }
                    )
                )
            }
            if let failure = result.startProblem {
                observed.startProblems.append(
                    ObservedStartProblem(
                        service: target.name,
                        isStandalone: target.isStandalone,
                        action: target.action,
                        failure
                    )
                )
            }
            guard !target.isStandalone else { continue }
            let (name, action) = (target.name, target.action)
            observed.services[name]?.drift +=
                result.lostSockets.map { .socketGone(name, action, path: $0) }
                + (result.replacedProgram.map { [.programReplaced(name, action, path: $0)] } ?? [])
                + result.changedFiles.map { .environmentFileChanged(name, action, path: $0) }
        }
        // The requests come from dictionaries, which have no order.
        observed.holders.sort { ($0.service, $0.action, $0.pid) < ($1.service, $1.action, $1.pid) }
        observed.startProblems.sort { ($0.service, $0.action) < ($1.service, $1.action) }
    }
}

extension JobRecord {
    /// A job for an action that has none, for inspections before its first start.
    fileprivate static func placeholder(_ name: QualifiedName, _ action: String) -> JobRecord {
        JobRecord(
            id: 0,
            context: name.context,
            service: nil,
            action: action,
            run: nil,
            revision: 0,
            tags: [],
            createdAt: WallTime(microseconds: 0)
        )
    }
}

extension BlockerScanRequest {
    /// A request that only checks whether the recorded process is alive.
    fileprivate static func livenessOnly(recorded: ProcessIdentity?) -> BlockerScanRequest {
        BlockerScanRequest(
            ports: [],
            sockets: [],
            pidFile: nil,
            program: "",
            environment: [],
            recorded: recorded
        )
    }
}
