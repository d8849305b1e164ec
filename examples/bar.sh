#!/bin/sh
# One line for a status bar, anew whenever it changes: what today cost, a star for each request that runs, the
# clients that need you. Needs jq.
#
#     lokid 0.0141 USD **  login: claude

lokictl events --wait requests usage clients | jq -nr --unbuffered '
    foreach inputs as $new ({};
        if $new.topic == "daemon" then {up: ($new.state == "up")}
        elif $new.topic == "clients" then .clients[$new.client] = $new.state
        else .[$new.topic] = $new end;
        if .up and (.requests | not) or .up and (.usage | not) then empty
        elif .up | not then "lokid is off"
        else
            [(.clients // {}) | to_entries[] | select(.value | startswith("needs")) | .key] as $needy
            | "lokid \(.usage.today.cost_usd) USD "
            + ("*" * .requests.running // "")
            + if $needy == [] then "" else "  login: " + ($needy | join(", ")) end
        end)'
