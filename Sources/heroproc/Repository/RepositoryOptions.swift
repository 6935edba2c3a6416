import ArgumentParser
import HeroGit
import HeroLinux
import HeroModel
import HeroReconciler

/// The options of `reconcile --watch` that follow a git repository.
struct RepositoryOptions: ParsableArguments {
    @Option(help: ArgumentHelp("With --watch: follow this git repository in place of a directory.", valueName: "url"))
    var git: String?

    @Option(help: ArgumentHelp("With --git: the branch or tag to follow (default: main).", valueName: "name"))
    var ref: String?

    @Option(
        help: ArgumentHelp(
            "With --git: the services directory in the repository (default: services.d).",
            valueName: "dir"
        )
    )
    var path: String?

    @Option(help: ArgumentHelp("With --git: the time between two fetches (default: 60s).", valueName: "duration"))
    var interval: DurationArgument?

    @Option(
        help: ArgumentHelp("With --git: apply only commits signed with an SSH key of this file.", valueName: "file")
    )
    var verify: String?

    @Flag(help: "With --verify: require a signature of every commit since the applied one.")
    var verifyAll = false

    @Option(help: ArgumentHelp("With --verify: refuse the keys in this file.", valueName: "file"))
    var revoked: String?

    @Flag(help: "With --git: accept a history that goes back or was replaced.")
    var allowRewind = false

    @Option(help: ArgumentHelp("With --git over ssh: the private key.", valueName: "file"))
    var identity: String?

    @Option(help: ArgumentHelp("With --git over ssh: the keys of known hosts.", valueName: "file"))
    var knownHosts: String?

    @Option(help: ArgumentHelp("With --git over https: a file with the token.", valueName: "file"))
    var tokenFile: String?

    func validate() throws {
        let others: [(String, Bool)] = [
            ("--ref", ref != nil), ("--path", path != nil), ("--interval", interval != nil),
            ("--verify", verify != nil), ("--allow-rewind", allowRewind), ("--identity", identity != nil),
            ("--known-hosts", knownHosts != nil), ("--token-file", tokenFile != nil),
        ]
        if git == nil, let option = others.first(where: { $0.1 }) {
            throw ValidationError("\(option.0) requires --git.")
        }
        if verify == nil, verifyAll || revoked != nil {
            throw ValidationError("--verify-all and --revoked require --verify.")
        }
        if let interval, interval.duration < .seconds(1) { throw ValidationError("--interval is at least 1s.") }
    }

    /// What is followed; nil without `--git`.
    ///
    /// - Throws: `CommandError` for an address, a name or a path that is not allowed.
    func followOptions() throws -> FollowOptions? {
        guard let git else { return nil }
        do throws(GitError) {
            var options = try FollowOptions(repository: git, ref: ref ?? "main", path: path ?? "services.d")
            options.allowedSigners = verify.map(ManifestFiles.absoluteDirectory)
            options.revokedKeys = revoked.map(ManifestFiles.absoluteDirectory)
            options.verifiesAll = verifyAll
            options.identity = identity.map(ManifestFiles.absoluteDirectory)
            options.knownHosts = knownHosts.map(ManifestFiles.absoluteDirectory)
            options.tokenFile = tokenFile.map(ManifestFiles.absoluteDirectory)
            return options
        } catch {
            throw CommandError("cannot follow \(git): \(error.cause)", help: error.help)
        }
    }

    /// The file options with absolute paths, for a monitor, which runs in the root directory.
    var absoluteArguments: [String] {
        let files = [
            ("--verify", verify), ("--revoked", revoked), ("--identity", identity), ("--known-hosts", knownHosts),
            ("--token-file", tokenFile),
        ]
        return files.flatMap { name, path in path.map { [name, ManifestFiles.absoluteDirectory($0)] } ?? [] }
    }

    /// What the reconciler needs; nil without `--git`.
    func followedRepository(_ options: FollowOptions?, state: String) -> FollowedRepository? {
        guard let options else { return nil }
        return FollowedRepository(
            source: GitSource(repository: options.address.text, ref: options.ref, path: options.path),
            interval: interval?.duration ?? .seconds(60),
            allowsRewind: allowRewind,
            helperArguments: { RepositoryHelper.arguments(options, state: state, applied: $0) }
        )
    }
}
