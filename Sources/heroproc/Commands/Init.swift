import ArgumentParser
import Glibc
import HeroKernel
import HeroLinux
import HeroModel
import HeroView

/// Writes a set to start from.
struct Init: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a commented services directory to start from.",
        discussion: """
            Writes into --dir, by default ./services.d, and never over anything: where there are manifests already, \
            it changes nothing.

            EXAMPLES:
              heroproc init
              heroproc init --dir /etc/heroproc/services.d

            EXIT CODES:
              0   written
              2   something is there already, or it cannot be written; nothing was changed
            """
    )

    @OptionGroup var common: CommonOptions

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let isNamed = common.dir != nil || !composition.environment["HEROPROC_DIR", default: ""].isEmpty
        let directory = isNamed ? composition.shownDirectory : "services.d"
        let files = StarterSet.files
        try refuseToOverwrite(files.map(\.path), in: directory)
        try NewFiles.write(files.map { ("\(directory)/\($0.path)", $0.text) })
        switch output.format {
        case .json:
            output.result([
                "schema": "heroproc/init/v1",
                "dir": .string(directory),
                "files": .array(files.map { .string("\(directory)/\($0.path)") }),
            ])
        case .text:
            for file in files { output.result("\(directory)/\(file.path)".printable + "\n") }
            let option = isNamed ? " --dir \(directory.printable)" : ""
            output.note(
                """

                A set to start from; it is good as it is. Next:
                  heroproc validate\(option)   checks it, as after every edit
                  heroproc diff\(option)       shows what would start, and why
                  heroproc apply\(option)      makes it so
                """
            )
        }
        return .good
    }

    /// Whatever is there stays as it is.
    private func refuseToOverwrite(_ paths: [String], in directory: String) throws {
        let help = "name another directory with --dir; this one is left as it is"
        if case .files(let present) = ManifestFiles.read(directory), let first = present.first {
            throw Refusal("cannot begin in \(directory): there is \(first.path) already", help: help)
        }
        for path in paths.map({ "\(directory)/\($0)" }) {
            var file = stat()
            guard lstat(path, &file) != 0 else {
                throw Refusal("cannot write \(path): it is there already", help: help)
            }
        }
    }
}
