# The conformance handler in bash (docs/conformance-handler.md), for a bootstrap that sources this file and calls the
# function with the event as its argument. A call may run in a subshell, so `state` and `exit` are not supported, nor are
# commands that need more than the text of the event.

case ${CONFORMANCE_INIT:-} in
    raise:*) echo "${CONFORMANCE_INIT#raise:}" >&2; false ;;
    exit:*) exit "${CONFORMANCE_INIT#exit:}" ;;
    print:*) echo "${CONFORMANCE_INIT#print:}" ;;
esac

handler() {
    local event=$1 value
    case $event in
        '{"do":"echo","value":'*) value=${event#*'"value":'}; printf %s "${value%\}}" ;;
        '{"do":"raise"'*)
            value=${event#*'"message":"'}; value=${value%\"*}
            printf "${value//'%'/%%}\n" >&2  # a format knows JSON's escapes
            return 1 ;;
        '{"do":"sleep","ms":'*)
            value=${event#*'"ms":'}; value=${value%\}}
            sleep "$((value / 1000)).$(printf %03d $((value % 1000)))"
            printf '{"slept":%s}' "$value" ;;
        '{"do":"print"'*)
            value=${event#*'"text":"'}; value=${value%%\"*}
            echo "$value" >&2
            printf '{"printed":"%s"}' "$value" ;;
        '{"do":"'*) value=${event#*'"do":"'}; printf '{"unsupported":"%s"}' "${value%%\"*}" ;;
        *) printf %s "$event" ;;
    esac
}
