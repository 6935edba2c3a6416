import Glibc
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroView

/// Sends one change to a reconciler, shows its progress and reports the result: for `apply`, `reconcile` and `down`.
final class ApplySession {
    private let output: Output
    private let plan: Plan
    private let isDown: Bool
    private let isVerbose: Bool
    private let progress: ApplyProgress
    private var revision: RevisionNumber?
    /// Until when the reconciler checks that all services stay up; nil while they are not all up.
    private var settlesUntil: ContinuousClock.Instant?
    /// Reads the last output line of an action.
    private let lastOutput: (ApplyResult.FailedAction) -> String?

    /// Creates a session for a plan.
    init(
        _ output: Output,
        _ plan: Plan,
        isDown: Bool = false,
        isVerbose: Bool = false,
        lastOutput: @escaping (ApplyResult.FailedAction) -> String? = { _ in nil }
    ) {
        self.lastOutput = lastOutput
        self.output = output
        self.plan = plan
        self.isDown = isDown
        self.isVerbose = isVerbose
        progress = ApplyProgress(output)
    }

    /// How much longer than the announced time the last reply may take.
    private static let replyGrace = Duration.seconds(5)
    /// Of how many failed actions the last output line is shown.
    private static let maxOutputNotes = 5

    /// Shows the plan before it is applied.
    ///
    /// An empty plan is not shown.
    func showPlan() {
        guard !output.isQuiet, !plan.isEmpty, output.format == .text else { return }
        output.writeMessage(PlanView(output.messages, isVerbose: isVerbose).text(plan))
    }

    /// Sends a request to the running reconciler and shows the progress.
    ///
    /// Without a timeout it waits only until the request is accepted.
    ///
    /// - Throws: `ControlClient.unreadError` when the reconciler exits without having read the request.
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
                        "cannot read the reply of the reconciler: it is another version of heroproc",
                        help: "stop the reconciler (no service stops) and apply again"
                    )
                }
                if let code = handleReply(reply) { return code }
                if revision != nil, timeout == nil { return reportAccepted() }
            case .timedOut:
                progress.refresh()
            case .unread where revision == nil:
                throw ControlClient.unreadError
            case .ended, .unread:
                return reportLostReconciler()
            }
            // The time in which services must stay up is not a part of the timeout.
            if let deadline, max(deadline, settlesUntil ?? deadline) <= .now {
                return reportTimeout(after: timeout ?? .zero)
            }
        }
    }

    /// Handles a reply of the reconciler.
    ///
    /// - Returns: the exit code after the last reply; nil before.
    func handleReply(_ reply: ControlReply) -> ExitCode? {
        switch reply {
        case .accepted(let number):
            revision = number
            return nil
        case .settling(let duration):
            settlesUntil = .now + duration + Self.replyGrace
            return nil
        case .progress(let name, let state, let detail):
            settlesUntil = nil
            progress.update(name, state, detail)
            return nil
        case .refused(let text, let diagnostics):
            return reportRefusal(text, diagnostics)
        case .cleaned:
            // The reply to a cleanup request, which this session never sends.
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
            return reportResult(
                isConverged: result.isConverged,
                services: services,
                errors: result.errors + outputNotes(about: result)
            )
        }
    }

    /// The last output lines of failed actions, and where more can be read.
    private func outputNotes(about result: ApplyResult) -> [String] {
        (result.failedActions ?? []).prefix(Self.maxOutputNotes).map { failed in
            let line = lastOutput(failed).map { "its last output line is `\($0)`" } ?? "it has written no output"
            let subject = "\(failed.owner)" + (failed.action.map { ".\($0)" } ?? "")
            return "\(subject): \(line); `heroproc why \(failed.owner.displayName)` explains its state"
        }
    }

    /// Reports that nothing was changed, and why.
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

    /// Reports that manifests have errors, and which.
    func reportInvalidManifests(in directory: String, _ diagnostics: [Diagnostic]) -> ExitCode {
        reportRefusal("cannot apply \(directory): its manifests have errors", diagnostics)
    }

    /// Reports the result of a pass in this process; nil if the pass was interrupted.
    func reportLocalResult(_ result: ApplyResult?) -> ExitCode {
        guard let result else {
            return reportResult(
                isConverged: false,
                errors: ["interrupted before all changes were made; running services keep running"]
            )
        }
        return handleReply(.done(result)) ?? .differs
    }

    // MARK: Results

    private func reportAccepted() -> ExitCode {
        // Nothing was awaited, so whether all is as declared is unknown.
        _ = reportResult(isConverged: false, isFollowed: false)
        return .success
    }

    private func reportTimeout(after timeout: Duration) -> ExitCode {
        guard revision != nil else {
            return reportUnknownOutcome(
                "the reconciler has not accepted the request within \(timeout.shortText); it drops a request that it "
                    + "finds abandoned, but it may be recording this one now"
            )
        }
        let text =
            "not every service is in its declared state after \(timeout.shortText); the reconciler continues"
        return reportResult(isConverged: false, errors: progress.unfinishedServices(of: plan) + [text])
    }

    /// Reports that the reconciler has not accepted the request as far as this process knows.
    private func reportUnknownOutcome(_ text: String) -> ExitCode {
        reportResult(isConverged: false, errors: [text], isOutcomeUnknown: true)
    }

    private func reportLostReconciler() -> ExitCode {
        guard revision != nil else {
            return reportUnknownOutcome(
                "the reconciler exited before it replied; the next one carries out the revision if it was recorded"
            )
        }
        return reportResult(
            isConverged: false,
            errors: ["the reconciler exited before all changes were made; run `heroproc apply` again to continue"]
        )
    }

    private func reportResult(
        isConverged: Bool,
        services: [ApplyReport.Service] = [],
        errors: [String] = [],
        isFollowed: Bool = true,
        isOutcomeUnknown: Bool = false
    ) -> ExitCode {
        progress.finish()
        var report = ApplyReport(
            revision: revision,
            isConverged: isConverged,
            plan: plan,
            services: services,
            errors: errors,
            elapsed: progress.elapsed
        )
        report.isOutcomeUnknown = isOutcomeUnknown
        if output.format == .json {
            output.writeResult(ApplyView.json(report))
        } else if isFollowed {
            output.writeResult(ApplyView(output.results).text(report, isDown: isDown))
        } else {
            output.writeResult("Revision \(revision ?? 0) is accepted; `heroproc status` shows the progress.\n")
        }
        return isConverged ? .success : .differs
    }
}

/// Handles Ctrl-C during the wait.
///
/// The reconciler is another process and continues.
private enum InterruptHandler {
    /// Makes Ctrl-C print a message and exit with 1.
    static func install() {
        signal(SIGINT) { _ in
            let text: StaticString =
                "\ninterrupted; the reconciler continues: `heroproc status` shows the progress\n"
            _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
            _exit(ExitCode.differs.rawValue)
        }
    }

    /// Restores the default: Ctrl-C ends the program.
    static func remove() { signal(SIGINT, SIG_DFL) }
}
