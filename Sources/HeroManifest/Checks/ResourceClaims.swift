internal import HeroModel

extension ManifestSet {
    /// The action that binds a port or a socket.
    private enum ClaimOwner {
        case service(Int, UsedAction)
        case action(Int)
    }

    /// One port or socket that an action binds, with the span that declares it.
    private struct ResourceClaim {
        var owner: ClaimOwner
        var file: Int
        var span: Span
        var address: NumericAddress?
        var port: BoundPort?
    }

    /// All claims so far.
    ///
    /// A claim that overlaps an earlier one is reported and not added.
    private struct ClaimRegistry {
        private var all: [ResourceClaim] = []
        /// Ports that one action binds alone.
        private var exclusivePorts = ClaimedPorts()
        /// Ports that are bound with `reuseport`.
        private var sharedPorts = ClaimedPorts()
        private var sockets: [ByteText: Int] = [:]
        private var logLinks: [ByteText: Int] = [:]

        /// Adds a claim on a port; if it overlaps an earlier claim, returns that one and adds nothing.
        ///
        /// Two claims that both share the port do not conflict (TP-4, TP-6).
        mutating func add(_ claim: ResourceClaim, _ port: BoundPort) -> ResourceClaim? {
            let number = port.endpoint.port
            let exclusive = exclusivePorts.claimOverlapping(claim.address, number)
            let shared = port.isShared ? nil : sharedPorts.claimOverlapping(claim.address, number)
            if let first = [exclusive, shared].compactMap(\.self).min() { return all[first] }
            if port.isShared {
                sharedPorts.add(all.count, claim.address, number)
            } else {
                exclusivePorts.add(all.count, claim.address, number)
            }
            all.append(claim)
            return nil
        }

        /// Adds a claim on a socket; if there is an earlier claim, returns that one and adds nothing.
        mutating func add(_ claim: ResourceClaim, socket: String) -> ResourceClaim? {
            if let earlier = sockets[ByteText(socket)] { return all[earlier] }
            sockets[ByteText(socket)] = all.count
            all.append(claim)
            return nil
        }

        /// Adds a claim on the path of a link; if there is an earlier claim, returns that one and adds nothing.
        mutating func add(_ claim: ResourceClaim, logLink path: String) -> ResourceClaim? {
            if let earlier = logLinks[ByteText(path)] { return all[earlier] }
            logLinks[ByteText(path)] = all.count
            all.append(claim)
            return nil
        }
    }

    /// Reports ports and sockets that two actions bind, and links that lead to two logs.
    ///
    /// Services with status `spec` never run, so they claim nothing.
    mutating func checkClaims() {
        var claims = ClaimRegistry()
        var isUsed = Array(repeating: false, count: actions.count)
        for index in services.indices where services[index].hasValidName {
            let runs = services[index].spec.status != .spec
            for used in usedActions[index] {
                switch used {
                case .inline(let action):
                    guard runs else { continue }
                    let bound = services[index].inlineActions[action].bindings
                    addClaims(bound, by: .service(index, used), in: services[index].file, at: nil, &claims)
                case .document(let document, let reference):
                    isUsed[document] = true
                    guard runs else { continue }
                    let bound = actions[document].bindings
                    addClaims(bound, by: .service(index, used), in: services[index].file, at: reference, &claims)
                }
            }
        }
        // An action document that no service uses can run standalone.
        for index in actions.indices where !isUsed[index] {
            addClaims(actions[index].bindings, by: .action(index), in: actions[index].file, at: nil, &claims)
        }
    }

    private mutating func addClaims(
        _ bound: ActionDraft.Bindings,
        by owner: ClaimOwner,
        in file: Int,
        at reference: Span?,
        _ claims: inout ClaimRegistry
    ) {
        for (port, span) in bound.ports {
            let claim = ResourceClaim(
                owner: owner,
                file: file,
                span: reference ?? span,
                address: port.endpoint.host.flatMap { NumericAddress($0) },
                port: port
            )
            guard let earlier = claims.add(claim, port) else { continue }
            let other = earlier.port?.endpoint ?? port.endpoint
            reportDuplicateClaim(
                .portClaimedTwice,
                "TCP port \(port.endpoint.port)",
                claim,
                earlier,
                other == port.endpoint ? "" : " (`\(port.endpoint)` overlaps `\(other)`)"
            )
        }
        for (path, span) in bound.sockets {
            let claim = ResourceClaim(owner: owner, file: file, span: reference ?? span)
            guard let earlier = claims.add(claim, socket: path) else { continue }
            reportDuplicateClaim(.socketClaimedTwice, "the socket \(quoted(path))", claim, earlier, "")
        }
        if let (path, span) = bound.logLink {
            let claim = ResourceClaim(owner: owner, file: file, span: reference ?? span)
            guard let earlier = claims.add(claim, logLink: path) else { return }
            report(
                .linkClaimedTwice,
                "the link \(quoted(path)) cannot lead to two logs: it is claimed by "
                    + "\(ownerDescription(earlier.owner)), and by \(ownerDescription(claim.owner))",
                help: "change one of them",
                in: claim.file,
                at: claim.span,
                notes: [source(earlier.file).note("first claim", at: earlier.span)]
            )
        }
    }

    private func ownerDescription(_ owner: ClaimOwner) -> String {
        switch owner {
        case .service(let index, let used):
            "`\(services[index].spec.name)`, action `\(name(of: used, in: index))`"
        case .action(let index): "the action `\(actions[index].name)`"
        }
    }

    private mutating func reportDuplicateClaim(
        _ code: DiagnosticCode,
        _ what: String,
        _ claim: ResourceClaim,
        _ earlier: ResourceClaim,
        _ overlap: String
    ) {
        let help =
            [earlier, claim].contains { $0.port?.isShared ?? false }
            ? "set `reuseport: true` in both actions, or change one of them"
            : "change one of them: the two cannot run at the same time"
        report(
            code,
            "\(what) is claimed twice: by \(ownerDescription(earlier.owner)), "
                + "and by \(ownerDescription(claim.owner))\(overlap)",
            help: help,
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claim", at: earlier.span)]
        )
    }
}
