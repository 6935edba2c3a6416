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
struct PlanPresenter {
    let output: Output
    let format: PlanFormat
    let isVerbose: Bool
    let environment: [String: String]

    /// A plan, or the mistakes that stand in its way.
    func show(_ reading: PreparedPlan) {
        let diagnostics = reading.wanted.result.diagnostics
        guard let plan = reading.plan else { return show(errors: diagnostics) }
        var whole = plan
        whole.diagnostics = diagnostics + plan.diagnostics
        switch format {
        case .text:
            output.writeDiagnostics(diagnostics)
            output.writeResult(PlanView(output.results, isVerbose: isVerbose).text(plan))
        case .json: output.writeResult(PlanView.json(whole).adding("basis", PlanInputs(reading).json))
        case .markdown: output.writeResult(markdown(reading.base).text(whole))
        case .github:
            output.writeResult(PlanAnnotations(base: currentDirectory).text(whole))
            appendToJobSummary(markdown(reading.base).text(whole))
        }
    }

    /// The mistakes that leave no plan.
    func show(errors diagnostics: [Diagnostic]) {
        output.writeDiagnostics(diagnostics)
        switch format {
        case .text: break
        case .json: output.writeResult(PlanView.json(Plan(baseRevision: 0, diagnostics: diagnostics)))
        case .markdown: output.writeResult(markdown(.runtime).text(invalid: diagnostics))
        case .github:
            output.writeResult(DiagnosticView.github(diagnostics, base: currentDirectory))
            appendToJobSummary(markdown(.runtime).text(invalid: diagnostics))
        }
    }

    private var currentDirectory: String { ManifestFiles.absoluteDirectory(".") }

    private func markdown(_ base: ComparisonBase) -> PlanMarkdown {
        PlanMarkdown(against: base.description, isVerbose: isVerbose)
    }

    /// Adds to the summary of the job that this step belongs to, where there is one.
    private func appendToJobSummary(_ text: String) {
        guard let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty else { return }
        let bytes = Array((text + "\n").utf8)
        let number = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard number >= 0, write(number, bytes, bytes.count) == bytes.count else {
            return output.writeError(
                "cannot write the summary of the job to \(path): \(String(cString: strerror(errno)))"
            )
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
