internal import HeroModel

extension ManifestSet {
    /// Who binds something.
    private enum Owner {
        case service(Int, UsedAction)
        case action(Int)
    }

    /// Who binds something, and where that is written.
    private struct Claim {
        var owner: Owner
        var file: Int
        var span: Span
        var address: NumericAddress?
        var port: BoundPort?
    }

    /// All claims so far, so that each new one meets those it overlaps at once.
    private struct Claims {
        private var all: [Claim] = []
        /// The ports of one action each.
        private var own = ClaimedPorts()
        /// The ports of all who share them.
        private var shared = ClaimedPorts()
        private var sockets: [String: Int] = [:]

        /// Takes a claim on a port, unless it overlaps an earlier one, which is returned.
        ///
        /// Two that both share it are in nobody's way (reliability.md TP-4, TP-6).
        mutating func add(_ claim: Claim, _ port: BoundPort) -> Claim? {
            let number = port.endpoint.port
            let owner = own.overlapping(claim.address, number)
            let sharer = port.isShared ? nil : shared.overlapping(claim.address, number)
            if let first = [owner, sharer].compactMap(\.self).min() { return all[first] }
            if port.isShared {
                shared.note(all.count, claim.address, number)
            } else {
                own.note(all.count, claim.address, number)
            }
            all.append(claim)
            return nil
        }

        /// Takes a claim on a socket, unless there is an earlier one, which is returned.
        mutating func add(_ claim: Claim, socket: String) -> Claim? {
            if let earlier = sockets[socket] { return all[earlier] }
            sockets[socket] = all.count
            all.append(claim)
            return nil
        }
    }

    /// Reports ports and sockets that two actions bind; services of status `spec` never run and claim nothing.
    mutating func checkClaims() {
        var claims = Claims()
        var isUsed = Array(repeating: false, count: actions.count)
        for number in services.indices where services[number].isNamed {
            let runs = services[number].spec.status != .spec
            for used in usedActions[number] {
                switch used {
                case .inline(let action):
                    guard runs else { continue }
                    let bound = services[number].inlineActions[action].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: nil, &claims)
                case .document(let document, let reference):
                    isUsed[document] = true
                    guard runs else { continue }
                    let bound = actions[document].bound
                    claim(bound, by: .service(number, used), in: services[number].file, at: reference, &claims)
                }
            }
        }
        // An action document that no service uses may be run by itself.
        for number in actions.indices where !isUsed[number] {
            claim(actions[number].bound, by: .action(number), in: actions[number].file, at: nil, &claims)
        }
    }

    private mutating func claim(
        _ bound: ActionDraft.Bound,
        by owner: Owner,
        in file: Int,
        at reference: Span?,
        _ claims: inout Claims
    ) {
        for (port, span) in bound.ports {
            let claim = Claim(
                owner: owner,
                file: file,
                span: reference ?? span,
                address: port.endpoint.host.flatMap { NumericAddress($0) },
                port: port
            )
            guard let earlier = claims.add(claim, port) else { continue }
            let other = earlier.port?.endpoint ?? port.endpoint
            reportClash(
                .portClaimedTwice,
                "TCP port \(port.endpoint.port)",
                claim,
                earlier,
                other == port.endpoint ? "" : " (`\(port.endpoint)` overlaps `\(other)`)"
            )
        }
        for (path, span) in bound.sockets {
            let claim = Claim(owner: owner, file: file, span: reference ?? span)
            guard let earlier = claims.add(claim, socket: path) else { continue }
            reportClash(.socketClaimedTwice, "the socket \(quoted(path))", claim, earlier, "")
        }
    }

    private func words(_ owner: Owner) -> String {
        switch owner {
        case .service(let number, let used):
            "`\(services[number].spec.name)`, action `\(name(of: used, in: number))`"
        case .action(let number): "the action `\(actions[number].name)`"
        }
    }

    private mutating func reportClash(
        _ code: DiagnosticCode,
        _ what: String,
        _ claim: Claim,
        _ earlier: Claim,
        _ overlap: String
    ) {
        let help =
            [earlier, claim].contains { $0.port?.isShared ?? false }
            ? "only one of them shares it: write `reuseport: true` in both, or give one of them another"
            : "give one of them another; they cannot run at the same time"
        report(
            code,
            "\(what) is claimed twice: by \(words(earlier.owner)), and by \(words(claim.owner))\(overlap)",
            help: help,
            in: claim.file,
            at: claim.span,
            notes: [source(earlier.file).note("first claimed", at: earlier.span)]
        )
    }
}
