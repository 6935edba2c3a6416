import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan

/// Manifests that were not applied.
struct Rejection: Hashable {
    /// The commit; nil for a directory.
    var commit: String?
    /// The reason.
    var text: String
    /// The errors of the manifests.
    var diagnostics: [Diagnostic]
}

/// Rejected manifests: the desired state stays, and the reason is reported.
extension RevisionController {
    /// Applies a commit, if its manifests are valid and the plan is allowed.
    ///
    /// - Returns: why it is not applied; nil if it is.
    func syncCommit(_ origin: ManifestOrigin, _ options: PlanOptions) -> Rejection? {
        let isFirst = commitOrigin == nil
        commitOrigin = origin
        rejection = nil
        _ = sync(origin, isFirst: isFirst, options)
        return rejection
    }

    /// Refuses a commit before its manifests are read.
    ///
    /// - Returns: the text about it.
    func refuseCommit(_ commit: String, _ reason: String) -> String {
        let text = "refused \(commit.prefix(12)): \(reason)"
        let rejection = Rejection(commit: commit, text: reason, diagnostics: [])
        guard rejection != reportedRejection else { return text }
        reportedRejection = rejection
        journal.recordEvent(.error, "", text, source: "git")
        kernel.publishRefusedChange(text)
        return text
    }

    /// Nothing is refused any more, and nothing new is applied.
    ///
    /// A check of applied manifests does not end the refusal of a newer commit.
    func clearRejection(after origin: ManifestOrigin?) {
        if let origin, let commit = reportedRejection?.commit, commit != origin.commit { return }
        reportedRejection = nil
        kernel.publishRefusedChange(nil)
    }

    /// The reason of a refusal with its first error and the number of the others.
    static func eventText(_ text: String, _ errors: [Diagnostic]) -> String {
        guard let first = errors.first else { return text }
        let others = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        return text + ": " + (first.location.map { "\($0): " } ?? "") + first.message + others
    }

    /// The reason of a refusal with its first errors, one per line.
    static func publishedText(_ text: String, _ errors: [Diagnostic]) -> String {
        let shown = 3
        var lines =
            [text]
            + errors.prefix(shown).map { error in
                (error.location.map { "\($0): " } ?? "") + error.message
            }
        if errors.count > shown { lines.append("and \(errors.count - shown) more; `heroproc validate` shows all") }
        return lines.joined(separator: "\n")
    }

    /// Keeps the desired state, and reports why: as an event, and to this process when it makes one pass.
    func reject(_ text: String, _ diagnostics: [Diagnostic] = []) {
        removalGrace.cancel()
        configuration.development?.reportRefusal(text, diagnostics)
        let errors = diagnostics.filter { $0.severity == .error }
        let commit = commitOrigin?.commit
        let rejection = Rejection(commit: commit, text: text, diagnostics: diagnostics)
        let isNew = commit == nil || rejection != reportedRejection
        self.rejection = rejection
        reportedRejection = rejection
        guard isNew else { return }
        // The text about a commit names it first.
        let text = commit.map { "refused \($0.prefix(12)): \(text)" } ?? text
        let message = Self.eventText(text, errors)
        // A missing core manifest has an event of its own, whatever else is wrong.
        let missingCore = errors.filter { $0.code == DiagnosticCode.requiredCoreMissing.rawValue }
        let others = errors.filter { $0.code != DiagnosticCode.requiredCoreMissing.rawValue }
        if missingCore.isEmpty || !others.isEmpty {
            journal.recordEvent(.error, "", Self.eventText(text, others), source: "reconciler")
        }
        if !missingCore.isEmpty {
            journal.recordEvent(.error, "", Self.eventText(text, missingCore), source: "hero_proc.auto_start_db")
        }
        guard configuration.mode == .once else {
            return kernel.publishRefusedChange(Self.publishedText(text, errors))
        }
        let result = ApplyResult(
            revision: state.revisionNumber,
            isConverged: false,
            services: [],
            errors: [message]
        )
        reporter.refuse(text, diagnostics, result)
    }
}
