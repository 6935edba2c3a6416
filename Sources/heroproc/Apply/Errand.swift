import Glibc
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroView

/// One change that is ordered, followed and reported: what `apply`, `reconcile` and `down` have in common.
final class Errand {
    private let output: Output
    private let plan: Plan
    private let isDown: Bool
    private let isVerbose: Bool
    private let progress: Progress
    private var revision: RevisionNumber?

    /// Prepares to report on a plan.
    init(_ output: Output, _ plan: Plan, isDown: Bool = false, isVerbose: Bool = false) {
        self.output = output
        self.plan = plan
        self.isDown = isDown
        self.isVerbose = isVerbose
        progress = Progress(output)
    }

    /// Says beforehand what will be done; the plan itself is the answer of `diff`, so an empty one is no news.
    func announce() {
        guard !output.isQuiet, !plan.isEmpty, output.format == .text else { return }
        output.message(PlanView(output.messages, isVerbose: isVerbose).text(plan))
    }

    /// Sends an order to the live reconciler and follows it; without a timeout it does not wait.
    func send(_ request: ControlRequest, to client: ControlClient, timeout: Duration?) throws -> ExitCode {
        try client.send(Array(ControlCoding.line(request).dropLast()))
        if timeout != nil { Interruption.answer() }
        defer { Interruption.ignore() }
        let deadline = timeout.map { ContinuousClock.now + $0 }
        while true {
            switch client.nextLine(timeout: .milliseconds(200)) {
            case .line(let bytes):
                guard let reply = ControlCoding.reply(bytes) else {
                    throw Refusal(
                        "cannot understand the live reconciler: it is of another version of heroproc",
                        help: "end it (no service stops) and apply again"
                    )
                }
                if let code = take(reply) { return code }
                if revision != nil, timeout == nil { return accepted() }
            case .timedOut:
                progress.tick()
            case .ended:
                return lost()
            }
            if let deadline, deadline <= .now { return gaveUp(after: timeout ?? .zero) }
        }
    }

    /// Takes in an answer.
    ///
    /// - Returns: the code to leave with once it was the last one.
    func take(_ reply: ControlReply) -> ExitCode? {
        switch reply {
        case .accepted(let number):
            revision = number
            return nil
        case .progress(let name, let state, let detail):
            progress.move(name, state, detail)
            return nil
        case .refused(let text, let diagnostics):
            return refuse(text, diagnostics)
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
            return report(isConverged: result.isConverged, services: services, errors: result.errors)
        }
    }

    /// Says that nothing was changed, and why.
    func refuse(_ text: String, _ diagnostics: [Diagnostic] = [], help: String? = nil) -> ExitCode {
        output.diagnostics(diagnostics)
        if diagnostics.isEmpty { output.error(text, help: help) }
        if output.format == .json {
            var refused = plan
            refused.diagnostics += diagnostics.filter { !plan.diagnostics.contains($0) }
            let report = ApplyReport(revision: nil, isConverged: false, plan: refused, errors: [text])
            output.result(ApplyView.json(report))
        } else {
            output.note("Refused: nothing was changed.")
        }
        return .refused
    }

    /// Says that manifests have mistakes, and which.
    func refuse(mistaken directory: String, _ diagnostics: [Diagnostic]) -> ExitCode {
        refuse("cannot apply \(directory): its manifests have mistakes", diagnostics)
    }

    /// What a pass of this very process came to.
    func finish(_ result: ApplyResult?) -> ExitCode {
        guard let result else {
            return report(isConverged: false, errors: ["interrupted before all was done; what runs goes on running"])
        }
        return take(.done(result)) ?? .different
    }

    // MARK: Ends

    private func accepted() -> ExitCode {
        _ = report(isConverged: plan.isEmpty, isFollowed: false)
        return .good
    }

    private func gaveUp(after timeout: Duration) -> ExitCode {
        let rest =
            revision == nil
            ? "the reconciler has not answered yet: `heroproc history` shows whether it took the revision"
            : "the reconciler goes on with it"
        let text = "not everything stands after \(timeout.shortText); \(rest)"
        return report(isConverged: false, errors: progress.unfinished(of: plan) + [text])
    }

    private func lost() -> ExitCode {
        guard revision != nil else {
            return refuse("cannot apply: the live reconciler ended before it answered; apply again")
        }
        return report(
            isConverged: false,
            errors: ["the reconciler ended before all was done; `heroproc apply` again goes on with another one"]
        )
    }

    private func report(
        isConverged: Bool,
        services: [ApplyReport.Service] = [],
        errors: [String] = [],
        isFollowed: Bool = true
    ) -> ExitCode {
        progress.tick()
        let report = ApplyReport(
            revision: revision,
            isConverged: isConverged,
            plan: plan,
            services: services,
            errors: errors,
            elapsed: progress.elapsed
        )
        if output.format == .json {
            output.result(ApplyView.json(report))
        } else if isFollowed {
            output.result(ApplyView(output.results).text(report, isDown: isDown))
        } else {
            output.result("Revision \(revision ?? 0) is accepted; `heroproc status` shows how it goes.\n")
        }
        return isConverged ? .good : .different
    }
}

/// Ctrl-C while waiting: the reconciler is another process, and goes on.
private enum Interruption {
    /// From here on Ctrl-C says so and leaves with 1.
    static func answer() {
        signal(SIGINT) { _ in
            let text: StaticString =
                "\nnot waiting any longer; the reconciler goes on: `heroproc status` shows how far\n"
            _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
            _exit(ExitCode.different.rawValue)
        }
    }

    /// Ctrl-C ends the program again.
    static func ignore() { signal(SIGINT, SIG_DFL) }
}
