import ArgumentParser
import HeroLinux
import HeroManifest
import HeroModel
import HeroStore
import HeroView

/// Checks the machine and says what is missing.
struct Doctor: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check this machine, and say what is missing and what to do.",
        discussion: """
            It looks at the kernel, rights, limits, clocks, directories, programs, at who supervises, and at the \
            manifests, and touches nothing. Each finding bears a mark: ✓ fine, ! works but not as well as it could, \
            ✗ needed and missing.

            Run it as the user that runs the reconciler, with the same --dir and --state.

            EXAMPLES:
              heroproc doctor
              sudo heroproc doctor --dir /etc/heroproc/services.d
              heroproc doctor -o json | jq '.checks[] | select(.mark != "fine")'

            EXIT CODES:
              0   nothing that is needed is missing
              1   something is
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        var facts = MachineInspector.inspect(
            composition.paths,
            services: composition.directory,
            environment: composition.environment
        )
        facts.programs.sqlite = StoreEngine.version
        facts.manifests = inspectManifests(composition)
        let report = DoctorReport(facts)
        switch output.format {
        case .json: output.writeResult(DoctorView.json(report))
        case .text: output.writeResult(DoctorView(output.results).text(report))
        }
        return report.isHealthy ? .success : .differs
    }

    private func inspectManifests(_ composition: Workspace) -> ManifestFacts {
        let result: ManifestResult
        do {
            result = try composition.readManifests(variables).result
        } catch let refusal as CommandError {
            return .unreadable(refusal.message)
        } catch {
            return .unreadable("\(error)")
        }
        let errors = result.diagnostics.filter { $0.severity == .error }
        if let desired = result.desired {
            let required = composition.requiresCore ? desired.settings.required : []
            return .valid(services: desired.services.count, actions: desired.actions.count, core: required)
        }
        // Where the core is all that is missing, what to do about it is the whole answer.
        if errors.count == 1, let first = errors.first, first.code == DiagnosticCode.requiredCoreMissing.rawValue {
            return .coreMissing(first.message, help: first.help ?? "declare it")
        }
        let place = errors.first?.location.map { "\($0.fileAndLine): " } ?? ""
        return .invalid(count: errors.count, first: place + (errors.first?.message ?? "unknown"))
    }
}
