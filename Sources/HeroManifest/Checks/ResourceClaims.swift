internal import HeroModel

extension ManifestSet {
    /// Who binds something.
    private enum ClaimOwner {
        case service(Int, UsedAction)
        case action(Int)
    }

    /// Who binds something, and where that is written.
    private struct ResourceClaim {
        var owner: ClaimOwner
        var file: Int
        var span: Span
        var address: NumericAddress?
        var port: BoundPort?
    }

    /// All claims so far, so that each new one meets those it overlaps at once.
    private struct ClaimRegistry {
        private var all: [ResourceClaim] = []
        /// The ports of one action each.
        private var exclusivePorts = ClaimedPorts()
        /// The ports of all who share them.
        private var sharedPorts = ClaimedPorts()
        private var sockets: [String: Int] = [:]

        /// Takes a claim on a port, unless it overlaps an earlier one, which is returned.
        ///
        /// Two that both share it are in nobody's way (reliability.md TP-4, TP-6).
        mutating func add(_ claim: ResourceClaim, _ port: BoundPort) -> ResourceClaim? {
            let number = port.endpoint.port
            let owner = exclusivePorts.claimOverlapping(claim.address, number)
            let sharer = port.isShared ? nil : sharedPorts.claimOverlapping(claim.address, number)
            if let first = [owner, sharer].compactMap(\.self).min() { return all[first] }
            if port.isShared {
                sharedPorts.add(all.count, claim.address, number)
            } else {
                exclusivePorts.add(all.count, claim.address, number)
            }
            all.append(claim)
            return nil
        }

        /// Takes a claim on a socket, unless there is an earlier one, which is returned.
        mutating func add(_ claim: ResourceClaim, socket: String) -> ResourceClaim? {
            if let earlier = sockets[socket] { return all[earlier] }
            sockets[socket] = all.count
            all.append(claim)
            return nil
        }
    }

    /// Reports ports and sockets that two actions bind; services of status `spec` never run and claim nothing.
    mutating func checkClaims() {
        var claims = ClaimRegistry()
        var isUsed = Array(repeating: false, count: actions.count)
        for number in services.indices where services[number].hasValidName {
            let runs = services[number].spec.status != .spec
            for used in usedActions[number] {
                switch used {
                case .inline(let action):
                    guard runs else { continue }
                    let bound = services[number].inlineActions[action].bindings
                    addClaims(bound, by: .service(number, used), in: services[number].file, at: nil, &claims)
                case .document(let document, let reference):
                    isUsed[document] = true
                    guard runs else { continue }
                    let bound = actions[document].bindings
                    addClaims(bound, by: .service(number, used), in: services[number].file, at: reference, &claims)
                }
            }
        }
        // An action document that no service uses may be run by itself.
        for number in actions.indices where !isUsed[number] {
            addClaims(actions[number].bindings, by: .action(number), in: actions[number].file, at: nil, &claims)
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
    }

    private func ownerDescription(_ owner: ClaimOwner) -> String {
        switch owner {
        case .service(let number, let used):
            "`\(services[number].spec.name)`, action `\(name(of: used, in: number))`"
        case .action(let number): "the action `\(actions[number].name)`"
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
            ? "only one of them shares it: write `reuseport: true` in both, or give one of them another"
            : "give one of them another; they cannot run at the same time"
        report(
            code,
            "\(what) is claimed twice: by \(ownerDescription(earlier.owner)), and by \(ownerDescription(claim.owner))\(overlap)",
            help: help,
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claimed", at: earlier.span)]
        )
    }
}
