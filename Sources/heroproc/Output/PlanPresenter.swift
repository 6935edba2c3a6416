import Glibc
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroView

/// Writes plans as results.
struct PlanPresenter {
    let output: Output
    let format: PlanFormat
    let isVerbose: Bool
    let environment: [String: String]

    /// Writes a plan, or the errors that prevent one.
    func show(_ prepared: PreparedPlan) {
        let diagnostics = prepared.manifests.result.diagnostics
        guard let plan = prepared.plan else { return show(errors: diagnostics) }
        var whole = plan
        whole.diagnostics = diagnostics + plan.diagnostics
        output.headline = PlanView().summary(plan)
        switch format {
        case .text:
            output.writeDiagnostics(diagnostics)
            output.writeResult(PlanView(output.results, isVerbose: isVerbose).text(plan))
        case .json:
            output.writeResult(PlanView.json(whole).adding([JSONValue.Member("basis", PlanInputs(prepared).json)]))
        case .markdown: output.writeResult(markdown(prepared.base).text(whole))
        case .github:
            output.writeResult(PlanAnnotations(base: currentDirectory).text(whole))
            appendToJobSummary(markdown(prepared.base).text(whole))
        }
    }

    /// Writes the errors that prevent a plan.
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

    /// Appends to the summary of the GitHub Actions job, if the command runs in one.
    private func appendToJobSummary(_ text: String) {
        guard let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty else { return }
        let bytes = Array((text + "\n").utf8)
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        var failure = descriptor < 0 ? errno : StandardStreams.write(bytes, to: descriptor)
        if descriptor >= 0, close(descriptor) != 0, failure == nil { failure = errno }
        guard let failure else { return }
        // The plan itself is written, so the exit code stays.
        output.writeError(
            "cannot write the summary of the job to \(path): \(String(cString: strerror(failure)))"
        )
    }
}

extension PlanPresenter {
    /// Reads the manifests, makes the plan and shows it: `diff` and `apply --dry-run`.
    ///
    /// - Returns: the exit code.
    func present(_ workspace: Workspace, _ base: ComparisonBase, _ arguments: PlanArguments) throws -> ExitCode {
        do {
            // The other bases need no state directory, so it is not read for them.
            let named = base == .runtime ? workspace.withRecordedDirectoryName : workspace
            let prepared = try PreparedPlan(
                named,
                base,
                revision: arguments.revision,
                arguments.variables,
                arguments.options,
                only: arguments.only,
                output: output
            )
            show(prepared)
            if arguments.revision == nil, let flaw = workspace.servicesDirectoryFlaw {
                output.writeNote("`apply` will refuse this directory: \(flaw)")
            }
            if base == .runtime, arguments.revision == nil, !arguments.switchDir, let plan = prepared.plan,
                let problem = try named.directorySwitchProblem(of: plan)
            {
                output.writeNote("`apply` will refuse this without --switch-dir: \(problem)")
            }
            return prepared.code
        } catch let error as InvalidBaseError {
            show(errors: error.diagnostics)
            throw CommandError(error.message, help: error.help)
        }
    }
}
