import ArgumentParser
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroStore
import HeroView

/// Checks the machine and shows what is missing.
struct Doctor: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check this machine, and show what is missing and how to fix it.",
        discussion: """
            Checks the kernel, permissions, limits, clocks, directories, programs, the reconciler and the manifests, \
            and changes nothing. Each check has a mark: ✓ fine, ! works with restrictions, ✗ required and missing.

            Run it as the user that runs the reconciler, with the same --dir and --state.

            EXAMPLES:
              heroproc doctor
              sudo heroproc doctor --dir /etc/heroproc/services.d
              heroproc doctor -o json | jq '.checks[] | select(.mark != "fine")'

            EXIT CODES:
              0   nothing required is missing
              1   something required is missing
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        var facts = MachineInspector.inspect(
            workspace.paths,
            services: workspace.directory,
            environment: workspace.environment
        )
        facts.programs.sqlite = StoreEngine.version
        facts.manifests = inspectManifests(workspace, &facts)
        let report = DoctorReport(facts)
        switch output.format {
        case .json: output.writeResult(DoctorView.json(report))
        case .text: output.writeResult(DoctorView(output.results).text(report))
        }
        return report.isHealthy ? .success : .differs
    }

    private func inspectManifests(_ workspace: Workspace, _ facts: inout MachineFacts) -> ManifestFacts {
        let result: ManifestResult
        do {
            result = try workspace.readManifests(variables).result
        } catch let refusal as CommandError {
            return .unreadable(refusal.message)
        } catch {
            return .unreadable("\(error)")
        }
        let errors = result.diagnostics.filter { $0.severity == .error }
        if let desired = result.desired {
            let required = workspace.requiresCore ? desired.settings.required : []
            facts.confinement = desired.confinement(asRoot: facts.privileges.uid == 0)
            facts.openNotifySockets = desired.openNotifySockets(asRoot: facts.privileges.uid == 0)
            return .valid(services: desired.services.count, actions: desired.actions.count, core: required)
        }
        // If a missing core manifest is the only error, its help text is the complete answer.
        if errors.count == 1, let first = errors.first, first.code == DiagnosticCode.requiredCoreMissing.rawValue {
            return .coreMissing(first.message, help: first.help ?? "declare it")
        }
        let place = errors.first?.location.map { "\($0.fileAndLine): " } ?? ""
        return .invalid(count: errors.count, first: place + (errors.first?.message ?? "unknown"))
    }
}
