# AC-001 and AC-002 of SPEC-MODEL-001 through every door of the gateway that answers: the seeds' own API and those of
# the two vendors.
Feature: HTTP API 라우팅

  Scenario Outline: <path> - <message>
    Given 게이트웨이가 실행 중인 상태에서
    When 클라이언트가 "<message>" 메시지를 "<path>"로 전송하면
    Then 응답 헤더의 모델이 "<model>"이고 tier가 <tier>이어야 한다
    And 응답 헤더의 결정 근거가 "<decided_by>"이어야 한다

    Examples:
      | path                 | message                  | model       | tier | decided_by |
      | /api/router/route    | API 설계해줘             | claude-opus | 1    | classifier |
      | /api/router/route    | 코드 구현해줘            | glm-4.7     | 2    | classifier |
      | /api/router/route    | /moai:1-plan auth system | claude-opus | 1    | command    |
      | /api/chat            | API 설계해줘             | claude-opus | 1    | classifier |
      | /api/chat            | 코드 구현해줘            | glm-4.7     | 2    | classifier |
      | /v1/messages         | API 설계해줘             | claude-opus | 1    | classifier |
      | /v1/messages         | 코드 구현해줘            | glm-4.7     | 2    | classifier |
      | /v1/messages         | /moai:2-run SPEC-001     | glm-4.7     | 2    | command    |
      | /v1/chat/completions | API 설계해줘             | claude-opus | 1    | classifier |
      | /v1/chat/completions | 코드 구현해줘            | glm-4.7     | 2    | classifier |
