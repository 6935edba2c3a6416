import Glibc
import HeroLinux

extension Workspace {
    /// What a stranger could write or exchange of the services directory, in words; nil where nothing is wrong.
    var servicesDirectoryFlaw: String? {
        ManifestFiles.trustProblem(in: directory, environment: environment) ?? implicitDirectoryFlaw
    }

    /// Refuses a services directory of which strangers could decide what it says (reliability.md FS-1).
    ///
    /// For those who make it so; to look at a plan is no danger.
    func requireTrustedDirectory() throws {
        try requireOwnedDirectory()
        guard let flaw = ManifestFiles.trustProblem(in: directory, environment: environment) else { return }
        throw CommandError(
            "cannot trust the services directory \(displayDirectory): \(flaw)",
            help: "whoever can write there decides what runs here; where you are alone, set HEROPROC_ALLOW_UNSAFE_DIR=1"
        )
    }

    /// Refuses a `./services.d` of somebody else that nobody named: to stand in a directory is not to trust its owner.
    func requireOwnedDirectory() throws {
        guard let flaw = implicitDirectoryFlaw else { return }
        throw CommandError(
            "cannot trust the services directory \(displayDirectory): \(flaw)",
            help: "name it with --dir if that user may decide what runs here"
        )
    }

    private var implicitDirectoryFlaw: String? {
        guard isDirectoryImplicit, environment["HEROPROC_ALLOW_UNSAFE_DIR"] != "1" else { return nil }
        var file = stat()
        guard stat(directory, &file) == 0 else { return nil }
        // Who came by sudo stands in directories of his own.
        let caller = geteuid() == 0 ? environment["SUDO_UID"].flatMap { UInt32($0) } : nil
        guard ![0, geteuid(), caller].contains(file.st_uid) else { return nil }
        return "\(directory): it belongs to the user \(file.st_uid)"
    }
}
