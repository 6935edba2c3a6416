import Glibc
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroView

/// How `diff` writes a plan.
enum PlanFormat: String, ResultFormat {
    /// For people.
    case text
    /// `heroproc/plan/v1`.
    case json
    /// For a comment on a pull request.
    case markdown
    /// Workflow commands of GitHub Actions, and the markdown as summary of the job.
    case github
}

/// Writes plans as results; the exit code is none of its affairs.
struct PlanShowing {
    let output: Output
    let format: PlanFormat
    let isVerbose: Bool
    let environment: [String: String]

    /// A plan, or the mistakes that stand in its way.
    func show(_ reading: PlanReading) {
        let diagnostics = reading.wanted.result.diagnostics
        guard let plan = reading.plan else { return show(mistakes: diagnostics) }
        var whole = plan
        whole.diagnostics = diagnostics + plan.diagnostics
        switch format {
        case .text:
            output.diagnostics(diagnostics)
            output.result(PlanView(output.results, isVerbose: isVerbose).text(plan))
        case .json: output.result(PlanView.json(whole).adding("basis", PlanBasis(reading).json))
        case .markdown: output.result(markdown(reading.base).text(whole))
        case .github:
            output.result(PlanAnnotations(base: here).text(whole))
            summarize(markdown(reading.base).text(whole))
        }
    }

    /// The mistakes that leave no plan.
    func show(mistakes diagnostics: [Diagnostic]) {
        output.diagnostics(diagnostics)
        switch format {
        case .text: break
        case .json: output.result(PlanView.json(Plan(baseRevision: 0, diagnostics: diagnostics)))
        case .markdown: output.result(markdown(.runtime).text(invalid: diagnostics))
        case .github:
            output.result(DiagnosticView.github(diagnostics, base: here))
            summarize(markdown(.runtime).text(invalid: diagnostics))
        }
    }

    private var here: String { ManifestFiles.absoluteDirectory(".") }

    private func markdown(_ base: PlanBase) -> PlanMarkdown {
        PlanMarkdown(against: base.description, isVerbose: isVerbose)
    }

    /// Adds to the summary of the job that this step belongs to, where there is one.
    private func summarize(_ text: String) {
        guard let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty else { return }
        let bytes = Array((text + "\n").utf8)
        let number = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard number >= 0, write(number, bytes, bytes.count) == bytes.count else {
            return output.error("cannot write the summary of the job to \(path): \(String(cString: strerror(errno)))")
        }
        close(number)
    }
}

extension JSONValue {
    /// The object with one more member at its end.
    func adding(_ key: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + [Member(key, value)])
    }
}
