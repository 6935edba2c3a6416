import HeroJSON
import HeroModel

/// The git repository that a reconciler follows.
extension StatusView {
    /// The repository with the running and the newest commit, and the error of the last fetch; empty without one.
    func repositoryLines(_ report: StatusReport) -> String {
        guard let source = Self.source(report) else { return "" }
        let status = report.repository
        var text = style.paint("Repository:", .bold) + " \(source.repository.printable) \(source.ref.printable)"
        if source.path != "." { text += " \(source.path.printable)" }
        if let commit = Self.runningCommit(report) {
            text += "; commit \(Self.short(commit)) runs"
            let subject = report.revision?.git?.subject ?? ""
            if !subject.isEmpty { text += " (\(subject.printable))" }
        } else {
            text += "; no commit is applied"
        }
        if let seen = status?.seenCommit, seen != Self.runningCommit(report) {
            text += ", newest \(Self.short(seen))"
            if let behind = status?.behind { text += ", \(behind) behind" }
        }
        if let fetched = status?.fetchedAt { text += "; fetched \(fetched.relative(to: report.now))" }
        text += ".\n"
        if let error = status?.error {
            text += style.paint("Repository:", .yellow) + " the last fetch failed: \(error.printable).\n"
        }
        return text
    }

    /// The member `git`.
    static func gitJSON(_ report: StatusReport) -> JSONValue {
        guard let source = source(report) else { return .null }
        let status = report.repository
        let applied = report.revision?.git
        return [
            "repository": .string(source.repository),
            "ref": .string(source.ref),
            "path": .string(source.path),
            "commit": JSONValue(runningCommit(report)),
            "seen_commit": JSONValue(status?.seenCommit),
            "behind": JSONValue(status?.behind),
            "author": JSONValue(applied?.author),
            "subject": JSONValue(applied?.subject),
            "signer": JSONValue(applied?.signer),
            "fetched_at": JSONValue(status?.fetchedAt?.description),
            "error": JSONValue(status?.error),
            "refused": status?.refused.map {
                ["commit": .string($0.commit), "reason": .string($0.reason)]
            } ?? .null,
        ]
    }

    /// The followed repository: as published, else as recorded with the last revision.
    private static func source(_ report: StatusReport) -> GitSource? {
        report.repository?.source ?? report.revision?.git
    }

    /// The applied commit of the followed repository; nil if the last revision is from elsewhere.
    private static func runningCommit(_ report: StatusReport) -> String? {
        guard let revision = report.revision, let applied = revision.git, let source = source(report),
            applied.isSameDirectory(as: source)
        else { return nil }
        return revision.gitCommit
    }

    private static func short(_ commit: String) -> String { String(commit.prefix(12)) }
}
