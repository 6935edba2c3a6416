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

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let isNamed = common.dir != nil || !composition.environment["HEROPROC_DIR", default: ""].isEmpty
        let directory = isNamed ? composition.displayDirectory : "services.d"
        let files = StarterManifests.files
        try refuseToOverwrite(files.map(\.path), in: directory)
        try NewFileWriter.write(files.map { ("\(directory)/\($0.path)", $0.text) })
        switch output.format {
        case .json:
            output.writeResult([
                "schema": "heroproc/init/v1",
                "dir": .string(directory),
                "files": .array(files.map { .string("\(directory)/\($0.path)") }),
            ])
        case .text:
            for file in files { output.writeResult("\(directory)/\(file.path)".printable + "\n") }
            let option = isNamed ? " --dir \(directory.printable)" : ""
            output.writeNote(
                """

                A set to start from; it is good as it is. Next:
                  heroproc validate\(option)   checks it, as after every edit
                  heroproc diff\(option)       shows what would start, and why
                  heroproc apply\(option)      makes it so
                """
            )
        }
        return .success
    }

    /// Whatever is there stays as it is.
    private func refuseToOverwrite(_ paths: [String], in directory: String) throws {
        let help = "name another directory with --dir; this one is left as it is"
        if case .files(let present) = ManifestFiles.read(directory), let first = present.first {
            throw CommandError("cannot begin in \(directory): there is \(first.path) already", help: help)
        }
        for path in paths.map({ "\(directory)/\($0)" }) {
            var file = stat()
            guard lstat(path, &file) != 0 else {
                throw CommandError("cannot write \(path): it is there already", help: help)
            }
        }
    }
}
