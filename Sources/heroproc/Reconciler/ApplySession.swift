import Glibc
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroView

/// One change that is ordered, followed and reported: what `apply`, `reconcile` and `down` have in common.
final class ApplySession {
    private let output: Output
    private let plan: Plan
    private let isDown: Bool
    private let isVerbose: Bool
    private let progress: ApplyProgress
    private var revision: RevisionNumber?

    /// Prepares to report on a plan.
    init(_ output: Output, _ plan: Plan, isDown: Bool = false, isVerbose: Bool = false) {
        self.output = output
        self.plan = plan
        self.isDown = isDown
        self.isVerbose = isVerbose
        progress = ApplyProgress(output)
    }

    /// Says beforehand what will be done; the plan itself is the answer of `diff`, so an empty one is no news.
    func showPlan() {
        guard !output.isQuiet, !plan.isEmpty, output.format == .text else { return }
        output.writeMessage(PlanView(output.messages, isVerbose: isVerbose).text(plan))
    }

    /// Sends an order to the live reconciler and follows it; without a timeout it does not wait.
    func submit(_ request: ControlRequest, to client: ControlClient, timeout: Duration?) throws -> ExitCode {
        try client.send(Array(ControlCoding.line(request).dropLast()))
        if timeout != nil { InterruptHandler.install() }
        defer { InterruptHandler.remove() }
        let deadline = timeout.map { ContinuousClock.now + $0 }
        while true {
            switch client.nextLine(timeout: .milliseconds(200)) {
            case .line(let bytes):
                guard let reply = ControlCoding.reply(bytes) else {
                    throw CommandError(
                        "cannot understand the live reconciler: it is of another version of heroproc",
                        help: "end it (no service stops) and apply again"
                    )
                }
                if let code = handleReply(reply) { return code }
                if revision != nil, timeout == nil { return reportAccepted() }
            case .timedOut:
                progress.refresh()
            case .ended:
                return reportLostReconciler()
            }
            if let deadline, deadline <= .now { return reportTimeout(after: timeout ?? .zero) }
        }
    }

    /// Takes in an answer.
    ///
    /// - Returns: the code to leave with once it was the last one.
    func handleReply(_ reply: ControlReply) -> ExitCode? {
        switch reply {
        case .accepted(let number):
            revision = number
            return nil
        case .progress(let name, let state, let detail):
            progress.update(name, state, detail)
            return nil
        case .refused(let text, let diagnostics):
            return reportRefusal(text, diagnostics)
        case .cleaned:
            // Answers another question.
            return nil
        case .done(let result):
            revision = result.revision
            let services = result.services.map { service in
                ApplyReport.Service(
                    name: service.name,
                    state: service.state,
                    cancelled: service.cancelled,
                    stoppedDependents: service.stoppedDependents,
                    detail: service.state == .blocked
                        ? "waits for " + service.blockedBy.map(\.description).joined(separator: ", ") : nil
                )
            }
            return reportResult(isConverged: result.isConverged, services: services, errors: result.errors)
        }
    }

    /// Says that nothing was changed, and why.
    func reportRefusal(_ text: String, _ diagnostics: [Diagnostic] = [], help: String? = nil) -> ExitCode {
        output.writeDiagnostics(diagnostics)
        if diagnostics.isEmpty { output.writeError(text, help: help) }
        if output.format == .json {
            var refused = plan
            refused.diagnostics += diagnostics.filter { !plan.diagnostics.contains($0) }
            let report = ApplyReport(revision: nil, isConverged: false, plan: refused, errors: [text])
            output.writeResult(ApplyView.json(report))
        } else {
            output.writeNote("Refused: nothing was changed.")
        }
        return .refused
    }

    /// Says that manifests have mistakes, and which.
    func reportInvalidManifests(in directory: String, _ diagnostics: [Diagnostic]) -> ExitCode {
        reportRefusal("cannot apply \(directory): its manifests have mistakes", diagnostics)
    }

    /// What a pass of this very process came to.
    func reportLocalResult(_ result: ApplyResult?) -> ExitCode {
        guard let result else {
            return reportResult(
                isConverged: false,
                errors: ["interrupted before all was done; what runs goes on running"]
            )
        }
        return handleReply(.done(result)) ?? .differs
    }

    // MARK: Ends

    private func reportAccepted() -> ExitCode {
        _ = reportResult(isConverged: plan.isEmpty, isFollowed: false)
        return .success
    }

    private func reportTimeout(after timeout: Duration) -> ExitCode {
        let rest =
            revision == nil
            ? "the reconciler has not answered yet: `heroproc history` shows whether it took the revision"
            : "the reconciler goes on with it"
        let text = "not everything stands after \(timeout.shortText); \(rest)"
        return reportResult(isConverged: false, errors: progress.unfinishedServices(of: plan) + [text])
    }

    private func reportLostReconciler() -> ExitCode {
        guard revision != nil else {
            return reportRefusal("cannot apply: the live reconciler ended before it answered; apply again")
        }
        return reportResult(
            isConverged: false,
            errors: ["the reconciler ended before all was done; `heroproc apply` again goes on with another one"]
        )
    }

    private func reportResult(
        isConverged: Bool,
        services: [ApplyReport.Service] = [],
        errors: [String] = [],
        isFollowed: Bool = true
    ) -> ExitCode {
        progress.refresh()
        let report = ApplyReport(
            revision: revision,
            isConverged: isConverged,
            plan: plan,
            services: services,
            errors: errors,
            elapsed: progress.elapsed
        )
        if output.format == .json {
            output.writeResult(ApplyView.json(report))
        } else if isFollowed {
            output.writeResult(ApplyView(output.results).text(report, isDown: isDown))
        } else {
            output.writeResult("Revision \(revision ?? 0) is accepted; `heroproc status` shows how it goes.\n")
        }
        return isConverged ? .success : .differs
    }
}

/// Ctrl-C while waiting: the reconciler is another process, and goes on.
private enum InterruptHandler {
    /// From here on Ctrl-C says so and leaves with 1.
    static func install() {
        signal(SIGINT) { _ in
            let text: StaticString =
                "\nnot waiting any longer; the reconciler goes on: `heroproc status` shows how far\n"
            _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
            _exit(ExitCode.differs.rawValue)
        }
    }

    /// Ctrl-C ends the program again.
    static func remove() { signal(SIGINT, SIG_DFL) }
}
