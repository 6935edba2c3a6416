import ArgumentParser
import Glibc
import HeroJSON
import HeroKernel
import HeroLinux
import HeroModel
import HeroView

/// Writes an example set of manifests.
struct Init: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a commented example services directory.",
        discussion: """
            Writes into --dir, by default ./services.d. Never overwrites a file; if the directory has manifests \
            already, nothing is changed.

            The example runs as it is. It requires no core service and explains in a comment what that is; with \
            --hero it declares the core service `hero_db` instead.

            EXAMPLES:
              heroproc init
              heroproc init --dir /etc/heroproc/services.d

            EXIT CODES:
              0   success
              2   files exist already, or a file cannot be written; nothing was changed
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Flag(help: "Declare the core service hero_db, which runs `hero_db_server`.")
    var hero = false

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let isNamed = common.dir != nil || !workspace.environment["HEROPROC_DIR", default: ""].isEmpty
        let directory = isNamed ? workspace.displayDirectory : "services.d"
        let files = StarterManifests.files(hero: hero)
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

                The example is valid as it is. Next steps:
                  heroproc validate\(option)   check the manifests, also after each edit
                  heroproc diff\(option)       show what would start, and why
                  heroproc apply\(option)      start the services
                """
            )
        }
        return .success
    }

    /// Refuses a directory that has manifests or one of the files to write.
    private func refuseToOverwrite(_ paths: [String], in directory: String) throws {
        let help = "select another directory with --dir; this one was not changed"
        if case .files(let present, skipped: _) = ManifestFiles.read(directory), let first = present.first {
            throw CommandError("cannot write the example to \(directory): \(first.path) exists already", help: help)
        }
        for path in paths.map({ "\(directory)/\($0)" }) {
            var file = stat()
            guard lstat(path, &file) != 0 else {
                throw CommandError("cannot write \(path): the file exists already", help: help)
            }
        }
    }
}
