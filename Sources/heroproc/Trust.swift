import Glibc
import HeroLinux

extension Composition {
    /// What a stranger could write or exchange of the services directory, in words; nil where nothing is wrong.
    var servicesFlaw: String? { ManifestFiles.trustProblem(in: directory, environment: environment) ?? foundFlaw }

    /// Refuses a services directory of which strangers could decide what it says (reliability.md FS-1).
    ///
    /// For those who make it so; to look at a plan is no danger.
    func requireTrustedServices() throws {
        try requireOwnServices()
        guard let flaw = ManifestFiles.trustProblem(in: directory, environment: environment) else { return }
        throw Refusal(
            "cannot trust the services directory \(shownDirectory): \(flaw)",
            help: "whoever can write there decides what runs here; where you are alone, set HEROPROC_ALLOW_UNSAFE_DIR=1"
        )
    }

    /// Refuses a `./services.d` of somebody else that nobody named: to stand in a directory is not to trust its owner.
    func requireOwnServices() throws {
        guard let flaw = foundFlaw else { return }
        throw Refusal(
            "cannot trust the services directory \(shownDirectory): \(flaw)",
            help: "name it with --dir if that user may decide what runs here"
        )
    }

    private var foundFlaw: String? {
        guard isDirectoryFound, environment["HEROPROC_ALLOW_UNSAFE_DIR"] != "1" else { return nil }
        var file = stat()
        guard stat(directory, &file) == 0 else { return nil }
        // Who came by sudo stands in directories of his own.
        let caller = geteuid() == 0 ? environment["SUDO_UID"].flatMap { UInt32($0) } : nil
        guard ![0, geteuid(), caller].contains(file.st_uid) else { return nil }
        return "\(directory): it belongs to the user \(file.st_uid)"
    }
}
